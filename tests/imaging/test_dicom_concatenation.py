"""Multi-frame images in several parts: joined where all were sent, and never silently cut."""

import copy
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import generate_uid

from imaging.formats.sniff import open_scan
from tests.support.dicom.files import enhanced, write
from tests.support.dicom.scans import at, centres, taken, turned, voxels

SHAPE = (11, 9, 7)


def parts(*, stated: bool = True) -> list[Dataset]:
    """The frames 1 to 3, and 4 to 7, of one enhanced MR."""
    image, uid = enhanced([voxels(SHAPE)], turned()), generate_uid()
    size = SHAPE[0] * SHAPE[1] * 2
    halves = []
    for number, (first, last) in enumerate(((0, 3), (3, 7)), 1):
        half = copy.deepcopy(image)
        half.SOPInstanceUID = half.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        half.PerFrameFunctionalGroupsSequence = Sequence(
            image.PerFrameFunctionalGroupsSequence[first:last]
        )
        half.NumberOfFrames = last - first
        half.PixelData = image.PixelData[first * size : last * size]
        half.ConcatenationUID, half.InConcatenationNumber = uid, number
        if stated:
            half.InConcatenationTotalNumber = 2
        halves.append(half)
    return halves


@pytest.mark.parametrize("stated", [True, False])
def test_all_parts_are_one_volume(tmp_path: Path, *, stated: bool) -> None:
    scan = taken(tmp_path, *parts(stated=stated))
    assert not scan.warnings
    np.testing.assert_array_equal(at(scan, centres(SHAPE, turned())), voxels(SHAPE).ravel())


@pytest.mark.parametrize("stated", [True, False])
@pytest.mark.parametrize("number", [0, 1])
def test_a_part_alone_has_a_warning(tmp_path: Path, number: int, *, stated: bool) -> None:
    """As a file, and as an upload, whose pack keeps it; whether or not the number is stated."""
    part = parts(stated=stated)[number]
    (path,) = write([part], tmp_path)
    for scan in (open_scan(path), taken(tmp_path / "upload", part)):
        assert scan.grid[2] == part.NumberOfFrames
        (warning,) = scan.warnings
        assert "concatenation" in warning
        assert "at least 1 is missing" in warning
