"""Watched folders: what in them changed, and what of that is carried."""
