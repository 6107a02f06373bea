"""What an owner watches: events, figures, alarms.

Read in this order: `hub` (what happens, to whoever listens), `watcher` (one who does), `standing` (what
they may see), then `statistics`, `metrics`, `readiness` and `alarms` (with `notices`, which brings them).
"""
