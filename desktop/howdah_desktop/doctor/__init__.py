"""Looks whether everything is as it should be: what `howdah doctor` says.

Read in this order: `finding`, `doctor` (the order of the checks), then `own` (the client's folder, ledger
and engine), `line` (pairing and receiver) and `machine` (limits and room). Nothing is changed.
"""
