"""A classifier's scores by group: numbers, intervals, guards and verdicts, put together."""
