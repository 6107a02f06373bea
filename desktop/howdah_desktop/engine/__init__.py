"""The part of the client that works the ledger. No Qt.

Read in this order: `transfers` (the states), `engine` (the way in, and one turn of its thread),
`orders`, `runs` and `waits` (what a turn does), `jobs` and `sender` (what a working thread does),
`transmission` (the bytes of an upload), `fetcher` (downloads). Pure, and so easy to read alone:
`transfers`, `verdict` and `outcomes` (what follows from a problem), `scheduler`, `backoff`, `link`,
`meter`, `views`. `attach` and `control`: one engine for each ledger.
"""
