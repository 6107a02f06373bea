"""What a bug report needs, and nothing that is nobody's business: what `howdah export-log` writes.

Read in this order: `bundle` (what is gathered, and the file), `redaction` (what is replaced in it; pure) and
`names` (names of files as hashes; pure).
"""
