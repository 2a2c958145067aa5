"""Numbers by group, one a file, with their intervals, thresholds and guards."""
