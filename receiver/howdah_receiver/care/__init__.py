"""What keeps a receiver well over the years: `doctor` looks it over, `scrub` reads everything again, `scan`
takes up what other hands did in `files/`."""
