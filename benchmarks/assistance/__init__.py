"""Measures the assistants that refine a mask from strokes."""
