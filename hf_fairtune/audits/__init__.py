"""A classifier's scores by group: numbers with intervals, guards and verdicts."""
