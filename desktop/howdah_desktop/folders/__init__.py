"""Watched folders: what has changed in them, and what follows from that. No Qt.

Read in this order: `watched` (what a watched folder is), `directory` (one directory as the disk has it),
`compare` (that beside what is known; pure), `survey` (the walk that finds what to do), `ignore` (what is left
out), `hints` and `quiet` (when to look where), `standing` (whether the folder is there at all). What carries
it out belongs to the engine: `engine/keeper`, `surveying`, `intake`, `treework` and `ledger_known`.
"""
