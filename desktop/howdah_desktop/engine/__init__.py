"""The part of the client that works the ledger. No Qt.

Read in this order: `transfers` (the states), `engine` (the way in, and one turn of its thread),
`additions`, `orders`, `holding`, `runs` and `waits` (what a turn does), `jobs` and `sender` (what a working
thread does), `transmission` (the bytes of an upload), `fetcher` (downloads). What is told of it all:
`views` (the types), `news` (what changed), `reports` (for a command), `overviews` and `ledger_reader` (for
a window). The ledger: `ledger_schema`, `ledger`, `ledger_orders`, `ledger_views`. Pure, and so easy to read
alone: `transfers`, `showing`, `verdict` and `outcomes` (what follows from a problem), `scheduler`,
`backoff`, `link`, `meter`. `attach`, `control` and `control_server`: one engine for each ledger; `ordering`
for who works beside it. `history` and `ledger_freed`: what ended, and what was freed here.
"""
