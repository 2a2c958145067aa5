"""AUC and error rates by group as a module of `evaluate`."""
