"""The client as a background service: `notify` (what its manager hears) and `unit` (how a user's systemd
is told of it). What it does is in `cli.run`."""
