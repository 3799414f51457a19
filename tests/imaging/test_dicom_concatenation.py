"""Multi-frame images in several parts: joined where all were sent, and never silently cut."""

import copy
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import generate_uid

from imaging.errors import UnreadableScan
from imaging.formats.sniff import open_scan
from tests.support.dicom.files import enhanced, write
from tests.support.dicom.scans import at, centres, taken, turned, voxels

SHAPE = (11, 9, 7)
Bounds = tuple[int, ...]


def parts(*, stated: bool = True, bounds: Bounds = (0, 3, 7)) -> list[Dataset]:
    """The frames of one enhanced MR, as an image between every two of the bounds."""
    image, uid = enhanced([voxels(SHAPE)], turned()), generate_uid()
    size = SHAPE[0] * SHAPE[1] * 2
    divided = []
    for number, (first, last) in enumerate(pairwise(bounds), 1):
        part = copy.deepcopy(image)
        part.SOPInstanceUID = part.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        part.PerFrameFunctionalGroupsSequence = Sequence(
            image.PerFrameFunctionalGroupsSequence[first:last]
        )
        part.NumberOfFrames = last - first
        part.PixelData = image.PixelData[first * size : last * size]
        part.ConcatenationUID, part.InConcatenationNumber = uid, number
        if stated:
            part.InConcatenationTotalNumber = len(bounds) - 1
        divided.append(part)
    return divided


@pytest.mark.parametrize("stated", [True, False])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (2, 1, 0)])
def test_all_parts_are_one_volume(
    tmp_path: Path, order: tuple[int, int, int], *, stated: bool
) -> None:
    """Joined by position, in whichever order they are sent."""
    divided = parts(stated=stated, bounds=(0, 2, 3, 7))
    scan = taken(tmp_path, *(divided[n] for n in order))
    assert not scan.warnings
    np.testing.assert_array_equal(at(scan, centres(SHAPE, turned())), voxels(SHAPE).ravel())


@pytest.mark.parametrize(
    ("sent", "stated", "words"),
    [
        ((0, 2), True, r"lacks 1 of 3 parts: number 2\."),
        ((0, 2), False, r"lacks 1 of 3 parts: number 2\."),
        ((0, 1), True, r"lacks 1 of 3 parts: number 3\."),
        ((1,), True, r"lacks 2 of 3 parts: number 1, 3\."),
        ((1,), False, r"lacks 1 of 2 parts: number 1\."),
    ],
)
def test_a_missing_part_is_named(
    tmp_path: Path, sent: tuple[int, ...], words: str, *, stated: bool
) -> None:
    divided = parts(stated=stated, bounds=(0, 2, 3, 7))
    with pytest.raises(UnreadableScan, match=words) as caught:
        taken(tmp_path, *(divided[n] for n in sent))
    assert "concatenation" in caught.value.detail


def test_not_every_missing_part_is_named(tmp_path: Path) -> None:
    part = parts()[0]
    part.InConcatenationTotalNumber = 65_535
    with pytest.raises(UnreadableScan, match=r"number 2, 3, 4, 5, 6 and 65,529 more\."):
        taken(tmp_path, part)


def test_parts_without_numbers(tmp_path: Path) -> None:
    """They are counted: both are one volume, and one of two is refused."""
    divided = parts()
    for part in divided:
        del part.InConcatenationNumber
    assert not taken(tmp_path / "both", *divided).warnings
    with pytest.raises(UnreadableScan, match=r"lacks 1 of 2 parts: of unknown number\."):
        taken(tmp_path / "one", divided[0])


def test_a_first_part_that_states_no_total_has_a_warning(tmp_path: Path) -> None:
    """It may be the only one."""
    scan = taken(tmp_path, parts(stated=False)[0])
    assert scan.grid[2] == 3
    assert "at least 1 is missing" in " ".join(scan.warnings)


@pytest.mark.parametrize("stated", [True, False])
@pytest.mark.parametrize("number", [0, 1])
def test_a_stored_part_has_a_warning(tmp_path: Path, number: int, *, stated: bool) -> None:
    """Given a scan that was stored before such parts were refused."""
    part = parts(stated=stated)[number]
    (path,) = write([part], tmp_path)
    scan = open_scan(path)
    assert scan.grid[2] == part.NumberOfFrames
    (warning,) = scan.warnings
    assert "concatenation" in warning
    assert "at least 1 is missing" in warning
