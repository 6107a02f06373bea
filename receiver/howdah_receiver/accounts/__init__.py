"""Who may do what: the owner's account, pairing codes, device tokens."""
