"""Overlapping windows, for networks whose outputs depend on the whole input."""
