"""The receiver: stores, verifies, publishes and offers download.

Read in this order: `server` (its life), `app` (what is put together, and which routes are open),
`uploads.service` (a chunk's and a completion's way), `storage.tree` (the one door for changes),
`uploads.recovery` (what a start after a crash does), then `api`.
"""
