"""Rules by which the trials of a search become one classifier: one file each."""
