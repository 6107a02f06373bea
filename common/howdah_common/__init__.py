"""What the two programs agree on. Pure: no I/O, no clock, no threads.

Read in this order: `chunks` (how a file is cut), `digests`, `manifest` (what both sides sign off),
`frames` and `recipes` (chunks on the way), `file_frames` and `content_frames` (small files on the way up and
down), `messages` (everything else on the way), `problems` (what can go wrong), `remote_path` and
`ranges`.
"""
