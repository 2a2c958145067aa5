"""Whose an output folder is, who writes to it, and whether its files are whole."""
