"""TIFF: images, read by region."""
