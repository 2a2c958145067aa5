"""The settings of papers, one a file: flags and their values."""
