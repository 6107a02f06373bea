"""The part of the client that works the ledger. No Qt.

Read in this order: `transfers` (the states), `engine` (the way in, and one turn of its thread),
`additions`, `orders`, `holding`, `runs`, `waits` and `pauses` (what a turn does), `jobs` and `sender` (what a
working thread does), `transmission` (the bytes of an upload), `change`, `pieces`, `piece_notes` and `recipes`
(what of a changed file need not be sent), `fetcher` (downloads), `batches`, `batch_run` and `fetch_batch`
(small files, many in one request). Watched folders: `keeper` (when each is looked at), `surveying` and
`treework` (what a thread does about it), `finds`, `intake` and `ledger_known` (what is written down),
`explaining`; `following` and `ahead_run` (what is sent of files while they grow),
`freeing_rounds` (when their rules free space). How much may pass: `allowance` (what holds now), `limiter`
(where a working thread waits for it). What is told of it all:
`views` (the types), `news` (what changed), `reports` (for a command), `overviews` and `ledger_reader` (for
a window). The ledger: `ledger_schema`, `ledger`, `ledger_orders`, `ledger_queue` (its order),
`ledger_views`. Pure, and so easy to read alone: `transfers`, `showing`, `verdict` and `outcomes` (what
follows from a problem), `scheduler`, `backoff`, `link`, `meter`, `bandwidth`, `limit_rules`. `attach`,
`control` and `control_server`: one engine for each ledger; `ordering` for who works beside it. `history` and
`ledger_freed`: what ended, and what was freed here.
"""
