"""The client: sends files to a receiver, and fetches them.

Read in this order: `cli` (the command), `engine` (what carries the transfers), `remote` (the receiver as
the client sees it), then `system` and `beneath` (the operating system).
"""
