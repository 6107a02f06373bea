"""What stands in the spaces, for reading."""
