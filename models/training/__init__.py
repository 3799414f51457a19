"""Trains the networks that `models/zoo` ships; needs the `train` extra."""
