"""Numbers by group, one a file, and the thresholds that decisions are made by."""
