"""Writes a picture's mask as PNG."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imaging.errors import BadRequest
from imaging.formats.atomic import replacing

LARGEST_IN_PNG = 65535
"""The largest label number that fits a grey PNG's 16 bits."""


def write_mask_png(path: Path, mask: NDArray[Any]) -> None:
    """Writes a mask of shape (row, column) as grey PNG whose values are the label numbers.

    uint8 where they fit, else uint16; raises BadRequest for larger numbers and for volumes.
    """
    if mask.ndim != 2:
        raise BadRequest(
            "A volume's mask cannot be a PNG.",
            expected="Format nifti for a volume.",
            hint="Ask for nifti; preview.png is a picture of it.",
        )
    largest = int(mask.max(initial=0))
    if largest > LARGEST_IN_PNG:
        raise BadRequest(
            f"The mask numbers {largest:,} objects.",
            expected=f"At most {LARGEST_IN_PNG:,} for a 16-bit PNG.",
            hint="Ask for the format nifti.",
        )
    pixels = np.ascontiguousarray(mask, np.uint8 if largest < 256 else np.uint16)
    with replacing(path) as file:
        Image.fromarray(pixels).save(file, format="PNG", compress_level=6)
