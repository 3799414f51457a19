"""`tessera dataset`: data sets of masks that readers accepted or corrected."""
