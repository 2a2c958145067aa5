"""Published tables of images: one file a data set, found by its name."""
