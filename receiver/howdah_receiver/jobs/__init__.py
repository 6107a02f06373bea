"""Work after arrival."""
