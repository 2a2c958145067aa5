"""Rules a model must keep, judged on the intervals of an audit."""
