"""Every format: a mask lies in the world where its scan does, whatever the order of its axes.

The scans are written, and the masks read, by other libraries. Each scan format is tried with each
mask format that it can have, in every order and direction of the axes.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imaging.box import Box
from imaging.formats import mask_file, registry
from imaging.formats.format import MaskFormat
from imaging.formats.incoming import incoming_scans
from imaging.formats.limits import Limits
from imaging.formats.sniff import open_scan
from imaging.orientation import canonical
from imaging.scan import Scan
from tests.support.dicom.headers import mask_description
from tests.support.placed_masks import READERS, centroids
from tests.support.placed_scans import (
    MICROMETRES,
    NO_PLACE,
    ONLY_STRAIGHT,
    ORIENTATIONS,
    WRITERS,
    labels,
    oblique,
    stored_as,
    straight,
)

MM = 1e-3
"""Largest distance, in mm, between a centroid and its true place."""
DESCRIPTION = mask_description("first", "second", "third", "fourth")
ANGLES = {"oblique": oblique, "straight": straight}
SCANS = [
    pytest.param(
        *(name, variant, angle),
        id=f"{name} {variant}, {angle}",
        marks=[pytest.mark.slow] if angle == "oblique" else [],  # a third of a second each
    )
    for name, variants in WRITERS.items()
    for variant in variants
    for angle in ANGLES
    if angle == "straight" or name not in ONLY_STRAIGHT
]
ORDERS = {
    "".join("ijk"[int(n)] for n in ORIENTATIONS[at][:, 0]) + "+-"[at // 4 % 2]: at
    for at in range(0, 48, 4)
}
"""The order of the axes and the direction of the first -> the first of four such orientations."""


def test_every_format_of_volumes_takes_part() -> None:
    scans = {one.name for one in registry.SCAN_FORMATS if 3 in one.dimensions}
    assert scans == set(WRITERS) | set(NO_PLACE)
    masks = {one.name for one in registry.MASK_FORMATS if 3 in one.dimensions}
    assert masks == set(READERS) | (masks & set(NO_PLACE))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("scan_format", "variant", "angle"), SCANS)
def test_a_mask_lies_where_its_scan_does(
    tmp_path: Path, scan_format: str, variant: str, angle: str, order: str
) -> None:
    affine = ANGLES[angle]()
    truth = centroids(labels(), affine)
    for number in range(ORDERS[order], ORDERS[order] + 4):
        masks = due(scan_format, variant, angle, number)
        if not masks:
            continue
        sent, work = tmp_path / f"{number}", tmp_path / f"{number}-work"
        sent.mkdir()
        work.mkdir()
        stored = stored_as(labels() * 100, affine, ORIENTATIONS[number])
        scan = taken(WRITERS[scan_format][variant](sent, *stored), work)
        mask = segmented(scan)
        check(centroids(mask, scan.affine), truth)
        for one in masks:
            out = work / f"mask{one.endings[0]}"
            mask_file.write(out, mask, scan, DESCRIPTION)
            for read in READERS[one.name]:
                check(read(out), truth)


def due(scan_format: str, variant: str, angle: str, number: int) -> list[MaskFormat]:
    """The mask formats to try with one orientation of a scan.

    All 48 for masks in the scan's own format, or about it; a third of them for other masks, a
    different third with each kind of scan.
    """
    masks = [one for one in registry.MASK_FORMATS if 3 in one.dimensions]
    masks = [one for one in masks if one.scan_format in (None, scan_format)]
    if variant == MICROMETRES:  # a mask in the scan's own format keeps its unit
        masks = [one for one in masks if one.name != scan_format]
    first = next(iter(WRITERS[scan_format])) == variant
    shift = [(name, kind) for name, kinds in WRITERS.items() for kind in kinds].index(
        (scan_format, variant)
    )
    return [
        one
        for place, one in enumerate(masks)
        if (angle == "straight") == bool({scan_format, one.name} & ONLY_STRAIGHT)
        and (
            (first and scan_format in (one.name, one.scan_format))
            or (number + shift + place) % 3 == 0
        )
    ]


def taken(path: Path, work: Path) -> Scan:
    (one,), refused = incoming_scans([path], work, Limits())
    assert not refused
    return open_scan(one.path)


def segmented(scan: Scan) -> Any:
    """The labels that the scan's values stand for, found in its canonical view."""
    view = canonical(scan)
    values = view.scan.read(Box.whole(view.scan.grid))[0]
    return view.restore(np.rint(values / 100).astype(np.uint8))


def check(found: dict[int, np.ndarray], truth: dict[int, np.ndarray]) -> None:
    assert sorted(found) == sorted(truth)
    for label, place in truth.items():
        assert np.linalg.norm(found[label] - place) < MM
