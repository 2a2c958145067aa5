"""The protocols of the papers' tables, and the numbers that these print."""
