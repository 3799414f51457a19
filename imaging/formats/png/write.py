"""Writes the mask of an image as PNG."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imaging.errors import BadRequest
from imaging.formats.atomic import replacing

MAX_LABEL = 65535
"""The largest label number that fits the 16 bits of a grey PNG."""


def write_mask_png(path: Path, mask: NDArray[Any]) -> None:
    """Writes a mask of shape (row, column) as a grey PNG whose values are the label numbers.

    uint8 if they fit, else uint16. Raises BadRequest for larger label numbers and for volumes.
    """
    if mask.ndim != 2:
        raise BadRequest(
            "A volume's mask cannot be a PNG.",
            expected="A format for volumes, such as nifti.",
            hint="Choose nifti; preview.png shows a slice of the mask.",
        )
    largest = int(mask.max(initial=0))
    if largest > MAX_LABEL:
        raise BadRequest(
            f"The mask numbers {largest:,} objects.",
            expected=f"At most {MAX_LABEL:,} for a 16-bit PNG.",
            hint="Choose the format nifti.",
        )
    pixels = np.ascontiguousarray(mask, np.uint8 if largest < 256 else np.uint16)
    with replacing(path) as file:
        Image.fromarray(pixels).save(file, format="PNG", compress_level=6)
