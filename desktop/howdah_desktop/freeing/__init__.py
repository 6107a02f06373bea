"""Freeing local space: a file is taken away here once it is known that the receiver has it.

Read in this order: `freeing` (one file, from the question to its end), `proof` (read again on both sides, and
compared), `removal` (moved aside, looked at once more, then to the trash or deleted), `aside` (the folder
in between, and how a file comes back from it), `putting_back` (what a kill left there), `trash`, `in_use`,
`sent` (where the ledger says that a file went), `candidates` (which files an order is about) and `round` (a
watched folder gone through by its rule; when is in `engine/freeing_rounds`).

What is promised: nothing is taken away unless, after the order was given, every byte of it was read here, its
SHA-256 was the one of the version that stands at the receiver, the receiver had read that version again from
its store, and it can still open it once the file is out of its place here. Whatever changes meanwhile, on
either side, makes the file stay.
"""
