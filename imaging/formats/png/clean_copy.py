"""Writes the pixels of an image, and nothing else, as PNG."""

from pathlib import Path

import imagecodecs
import numpy as np

from imaging.box import Box
from imaging.formats.atomic import replacing
from imaging.scan import Scan


def write_clean_png(scan: Scan, target: Path) -> None:
    """Writes the pixels of an image of 8 or 16 bits, without any metadata and without alpha."""
    pixels = np.moveaxis(scan.read(Box.whole(scan.grid)), 0, -1)
    grey = pixels.shape[-1] == 1
    encoded = imagecodecs.png_encode(np.ascontiguousarray(pixels[..., 0] if grey else pixels))
    with replacing(target) as file:
        file.write(encoded)
