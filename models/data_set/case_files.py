"""Writes the files of one case: voxels and geometry, and nothing else.

images/case-0123456789ab.nii.gz             one channel
images/t1/case-0123456789ab.nii.gz          several channels
labels/case-0123456789ab.nii.gz
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box, blocks
from imaging.errors import BadInput
from imaging.formats.plain_copy import write_plain_copy
from imaging.hashes import sha256_of
from imaging.same_grid import label_view
from imaging.scan import Scan

IMAGES, LABELS = "images", "labels"
_BLOCK_VOXELS = 1 << 22


class Unsuitable(Exception):
    """The case cannot be part of the data set; the message is the reason."""


def image_folders(channels: Collection[str]) -> dict[str, str]:
    """Channel -> the folder of its scans, relative to the data set."""
    if len(channels) == 1:
        return dict.fromkeys(channels, IMAGES)
    return {channel: f"{IMAGES}/{channel}" for channel in channels}


def write_case(
    folder: Path,
    name: str,
    scans: Mapping[str, Scan],
    mask: Scan,
    values: Collection[int] | None,
) -> dict[str, str]:
    """Writes the scans and the mask of a case; path -> SHA-256 of each file, the mask last.

    `values`: label values that the mask may have; None: it numbers objects. Memory is flat for
    volumes. Raises Unsuitable where the case does not fit, StorageFull where the disk is full.
    """
    first = next(iter(scans.values()))
    try:
        label = _smallest(label_view(mask, first), values)
        files = {
            path: _written(folder / path, name, scans[channel])
            for channel, path in image_folders(scans.keys()).items()
        }
        files[LABELS] = _written(folder / LABELS, name, label)
    except BadInput as error:
        raise Unsuitable("the scan or its mask cannot be written as a training case") from error
    return {f"{path}/{file.name}": sha256_of(file) for path, file in files.items()}


def _written(folder: Path, name: str, scan: Scan) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder / write_plain_copy(folder, name, scan)


def _smallest(mask: Scan, values: Collection[int] | None) -> Scan:
    """The mask in the smallest type that holds its values; raises Unsuitable for other values than
    `values`."""
    known = None if values is None else np.array(sorted({0, *values}))
    highest = 0
    for box in blocks(mask.grid, _BLOCK_VOXELS):
        block = mask.read(box)
        highest = max(highest, int(block.max(initial=0)))
        if known is not None and not np.isin(block, known).all():
            raise Unsuitable("the mask has values that are no labels of the model")
    dtype = np.min_scalar_type(highest)

    def read(box: Box) -> NDArray[Any]:
        return mask.read(box).astype(dtype)

    return replace(mask, dtype=np.dtype(dtype), reader=read, source=None)
