"""Links: what is shown to people without an account, and what they may put in.

Read in this order: `secret` (what stands in the address), `service` (made, listed, revoked by who is
signed in), `door` (opened by who has the address: what still holds, passwords, uses), `receiving` (uploads
by a request). `seals` and `attempts` are what the door needs.
"""
