"""How sure a number is: its interval, and what chance alone would make of it."""
