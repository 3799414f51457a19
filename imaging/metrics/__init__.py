"""Metrics that compare a mask with a reference: overlap, surfaces, objects, membranes."""

from imaging.metrics.overlap import dice, size_error
from imaging.metrics.surface import hd95, surface_dice

__all__ = ["dice", "hd95", "size_error", "surface_dice"]
