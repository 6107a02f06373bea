"""Uploads, the heart: `states` (pure), `session` (chunks as they come), `service` (start to completion),
`recovery` (what a start after a crash does)."""
