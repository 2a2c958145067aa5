"""Numbers by group, one a file: card, formula, interval and row."""
