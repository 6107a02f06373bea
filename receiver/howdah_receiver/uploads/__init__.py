"""Uploads, the heart: `states` (pure), `session` and
`writers` (chunks as they come), `service` (from the start on), `endings` (complete, cancel),
`recovery` (what a start after a crash does)."""
