"""PNG: images, and masks of images."""
