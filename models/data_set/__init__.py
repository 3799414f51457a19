"""Data sets of scans with masks that readers accepted or corrected, to train on. Torch-free."""
