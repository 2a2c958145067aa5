"""What a run and an audit found, typed, and its JSON."""
