"""What the tests share: real processes, real ports, the two programs as a user runs them."""
