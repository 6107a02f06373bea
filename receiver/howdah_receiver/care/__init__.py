"""What keeps a receiver well over the years: `scrub` reads everything again."""
