"""The client: sends files to a receiver, and fetches them.

Read in this order: `cli` (the command), `engine` (what carries the transfers), `remote` (the receiver as
the client sees it), then `system` and `beneath` (the operating system). Around them are `freeing` and
`receipts` (what may go here, as the receiver has it), `service`, `doctor`, `log_file` and `bug_report`.
"""
