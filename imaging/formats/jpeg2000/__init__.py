"""JPEG 2000: images."""
