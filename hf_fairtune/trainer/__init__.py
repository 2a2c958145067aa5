"""The stock Trainer in three steps: groups and a method, a search, a record and a hand-over."""
