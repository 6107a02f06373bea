"""The window: shows the ledger, gives orders to the engine, and never waits for either.

Read in this order: `app` (how it starts), `main_window`, then `feed` and `desk` (the two threads that speak
with the engine, through one `mailbox`), `arrangement`, `sentences` and `folder_sentences` (which
rows there are and what they say; pure), `models` and `delegates` (the same for Qt), `theme`.
"""
