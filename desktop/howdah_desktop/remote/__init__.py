"""The client's side of the native protocol, synchronous, over httpx.

Read in this order: `receiver` (everything that is asked of a receiver), `door` (one request: sent,
answered, its errors translated), `answers` (what comes back, read with caps), `trust` (which
connections may carry a token), `pairing` (how a device comes to have one) and `secrets` (where it
is kept).
"""
