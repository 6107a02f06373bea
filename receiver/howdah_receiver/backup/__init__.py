"""A copy of everything, made while the receiver works: `run` is its course, `contents` what belongs to it,
`index` what the backup remembers of itself.

The catalogue is copied first, in one moment; then every content that it names is looked for where it stands
by now, and put where that moment had it. Contents are never changed, only moved, replaced (then they are
kept as versions) or, at the end of their time, removed: so all of them are found, but for the last, which
are told. Files first would miss what is published meanwhile, and would need the receiver to hold still.
"""
