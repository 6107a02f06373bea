"""The catalogue: what the receiver knows, in SQLite. `database` opens it, `tables` says what is in it."""
