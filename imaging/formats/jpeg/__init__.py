"""JPEG: images."""
