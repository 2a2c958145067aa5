"""A table of images becomes a DatasetDict with labels, groups and pixels."""
