"""Rules by which a search chooses its winner: one file each."""
