"""Assistants: they refine a mask inside a box from strokes of a reader."""
