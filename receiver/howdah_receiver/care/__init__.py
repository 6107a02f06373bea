"""What keeps a receiver well over the years: `doctor` looks it over, `scrub` reads everything again."""
