"""A mask that a user uploads with its scan: label numbers on its grid, and what they mean."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import blocks
from imaging.errors import BadRequest
from imaging.label_codes import STRUCTURE, default_color, private_code
from imaging.large_arrays import large_zeros, slabs
from imaging.mask_description import Segment
from imaging.same_grid import label_view
from imaging.scan import Scan

MOST_LABEL = 65_535
_MOST_LABELS = 255
"""A mask of more different numbers is taken for one that numbers single objects."""
_BLOCK_VOXELS = 1 << 22


@dataclass(frozen=True, slots=True, eq=False)
class UploadedMask:
    """A mask on the grid of its scan."""

    numbers: NDArray[Any]
    """Unsigned, of the spatial shape of the scan; 0 is background."""
    segments: tuple[Segment, ...]
    """The labels, by number; at least one, also of an empty mask."""
    instances: bool = False
    """Whether it numbers single objects, which all belong to the only segment."""
    algorithms: tuple[str, ...] = ()
    """How the labels were made, as the file says: MANUAL, SEMIAUTOMATIC, AUTOMATIC."""
    notes: tuple[str, ...] = ()
    """What was done to it that a reader should know, without patient data."""


def uploaded_label_map(label: Scan, scan: Scan, scratch: Path | None = None) -> UploadedMask:
    """The label map `label`, whose numbers have no names, on the grid of `scan`.

    Raises BadRequest where it is on another grid, or has values that are not label numbers.
    """
    view = label_view(label, scan)
    numbers = large_zeros(scan.grid, np.uint16, scratch)
    present: set[int] = set()
    for box in blocks(scan.grid, _BLOCK_VOXELS):
        values = view.read(box)[0]
        if int(values.max(initial=0)) > MOST_LABEL:
            raise BadRequest(
                f"The label map has the number {int(values.max()):,}.",
                expected=f"Label numbers from 0 to {MOST_LABEL:,}.",
                hint="Number the labels anew, or check that the file is a label map.",
            )
        numbers[box.slices] = values
        present.update(np.unique(values).tolist())
    present.discard(0)
    if len(present) > _MOST_LABELS:
        objects = (_segment(1, "object"),)
        return UploadedMask(smallest(numbers, scratch), objects, instances=True)
    named = sorted(present) or [1]  # formats with named labels need one, also if it has no voxel
    segments = tuple(_segment(number, f"Label {number}") for number in named)
    return UploadedMask(smallest(numbers, scratch), segments)


def smallest(numbers: NDArray[Any], scratch: Path | None = None) -> NDArray[Any]:
    """In 8 bits where they fit, else as they are; `scratch` as for `large_zeros`."""
    if int(numbers.max(initial=0)) > np.iinfo(np.uint8).max:
        return numbers
    out = large_zeros(numbers.shape, np.uint8, scratch)
    for part in slabs(numbers.shape):
        out[part] = numbers[part]
    return out


def _segment(number: int, name: str) -> Segment:
    return Segment(number, name, default_color(number), STRUCTURE, private_code(name))
