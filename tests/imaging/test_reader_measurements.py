"""Measurements that readers draw: their sizes, what is refused, and the values inside."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from imaging.box import Box
from imaging.errors import BadRequest
from imaging.reader_measurements.grid import MeasuredGrid
from imaging.reader_measurements.measurement import MeasurementKind, ReaderMeasurement
from imaging.reader_measurements.review_measurements import read
from imaging.reader_measurements.size import measured
from imaging.reader_measurements.statistics import statistics
from imaging.scan import Scan, in_memory

SHAPE = (9, 11, 7)
SPACING = np.array([0.7, 1.9, 3.1])
_TURN, _ = np.linalg.qr(np.random.default_rng(4).normal(size=(3, 3)))
DIRECTIONS = {
    "axes": np.eye(3),
    "flipped": np.diag([-1.0, 1.0, -1.0]),
    "permuted": np.eye(3)[:, [2, 0, 1]],
    "oblique": _TURN,
}


def volume(name: str) -> Scan:
    values = np.random.default_rng(5).normal(40, 300, (1, *SHAPE))
    affine = np.eye(4)
    affine[:3, :3] = DIRECTIONS[name] * SPACING
    affine[:3, 3] = (-31.5, 12.25, 40)
    return replace(in_memory(values, tuple(SPACING)), affine=affine)


def drawn(
    scan: Scan, kind: str, *voxels: tuple[float, ...], exact: bool = False
) -> ReaderMeasurement:
    """Drawn at voxel coordinates, by a page that knows the geometry in single precision."""
    if scan.dimension == 2:
        points: NDArray[np.float64] = np.array([(column, row, 0) for row, column in voxels])
    else:
        affine = scan.affine if exact else scan.affine.astype(np.float32).astype(float)
        points = np.array(voxels) @ affine[:3, :3].T + affine[:3, 3]
    return ReaderMeasurement("one", MeasurementKind(kind), "", tuple(map(tuple, points.tolist())))


def size(scan: Scan, one: ReaderMeasurement) -> Any:
    (checked,) = measured([one], MeasuredGrid.of(scan))
    return checked.size, checked.unit


Pair = tuple[float, float]


def rectangle(axis: int, index: int, low: Pair, high: Pair) -> list[tuple[float, ...]]:
    corners = [low, (high[0], low[1]), high, (low[0], high[1])]
    return [tuple(np.insert(corner, axis, index)) for corner in corners]


def ellipse(axis: int, index: int, low: Pair, high: Pair) -> list[tuple[float, ...]]:
    a, b = (low[0] + high[0]) / 2, (low[1] + high[1]) / 2
    ends = [(low[0], b), (high[0], b), (a, low[1]), (a, high[1])]
    return [tuple(np.insert(end, axis, index)) for end in ends]


@pytest.mark.parametrize("name", DIRECTIONS)
def test_sizes_are_true_in_every_storage(name: str) -> None:
    scan = volume(name)
    length = np.linalg.norm(np.array([3, -4, 1.5]) * SPACING)
    assert size(scan, drawn(scan, "length", (1, 8, 2), (4, 4, 3.5))) == (
        pytest.approx(length, rel=1e-5),
        "mm",
    )
    corner, ends = (2, 3, 4), ((6, 3, 4), (2, 9, 4))
    assert size(scan, drawn(scan, "angle", ends[0], corner, ends[1]))[0] == pytest.approx(90)
    slope = np.degrees(np.arctan2(2 * SPACING[1], 4 * SPACING[0]))
    found = size(scan, drawn(scan, "angle", (6, 3, 4), corner, (6, 5, 4)))
    assert found == (pytest.approx(slope, rel=1e-5), "degrees")
    for axis in range(3):
        sides = np.delete(SPACING, axis) * (4.5, 2.25)
        box = (axis, 3, (1.25, 0.5), (5.75, 2.75))
        area = pytest.approx(np.prod(sides), rel=1e-5)
        assert size(scan, drawn(scan, "rectangle", *rectangle(*box))) == (area, "mm2")
        area = pytest.approx(np.prod(sides) * np.pi / 4, rel=1e-5)
        assert size(scan, drawn(scan, "ellipse", *ellipse(*box))) == (area, "mm2")


def test_images_are_measured_in_mm_where_the_file_states_a_pixel_size() -> None:
    image = in_memory(np.zeros((3, 20, 30)))
    sized = replace(image, spacing_mm=(0.5, 0.2))
    line = drawn(image, "length", (2, 3), (5, 7))
    assert size(image, line) == (5, "px")
    assert size(sized, line) == (pytest.approx(np.hypot(1.5, 0.8)), "mm")
    box = drawn(image, "rectangle", (2, 3), (2, 7), (5, 7), (5, 3))
    assert size(image, box) == (pytest.approx(12), "px2")
    assert size(sized, box) == (pytest.approx(1.2), "mm2")


@pytest.mark.parametrize("name", DIRECTIONS)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_statistics_are_those_of_the_voxels_inside(name: str, axis: int) -> None:
    """Also of voxels whose centre is on the border."""
    scan = volume(name)
    values = _all(scan)
    low, high = (1.0, 0.6), (6.0, 5.4)
    slab: NDArray[np.float64] = np.asarray(values.take(3, axis))
    grid: NDArray[np.int_] = np.stack(np.meshgrid(*map(np.arange, slab.shape), indexing="ij"), -1)
    inside = ((grid >= low) & (grid <= high)).all(-1)
    check(scan, drawn(scan, "rectangle", *rectangle(axis, 3, low, high)), slab[inside])
    centre, half = np.add(low, high) / 2, np.subtract(high, low) / 2
    round_ = ((grid - centre) ** 2 / half**2).sum(-1) <= 1
    check(scan, drawn(scan, "ellipse", *ellipse(axis, 3, low, high)), slab[round_])
    probe = statistics(scan, drawn(scan, "probe", (2.4, 5.6, 3.0)))
    assert (probe.voxels, probe.mean) == (1, values[2, 6, 3])


def _all(scan: Scan) -> NDArray[np.float64]:
    return scan.read(Box.whole(scan.grid))[0]


def check(scan: Scan, one: ReaderMeasurement, expected: NDArray[np.float64]) -> None:
    assert expected.size > 5
    found = statistics(scan, one)
    assert found.voxels == expected.size
    figures = (found.mean, found.sd, found.minimum, found.maximum)
    wanted = (expected.mean(), expected.std(), expected.min(), expected.max())
    assert figures == pytest.approx(wanted)


def test_statistics_of_a_large_image_are_summed_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imaging.reader_measurements.statistics._BLOCK_VOXELS", 100)
    values = np.random.default_rng(6).normal(1e6, 3, (1, 60, 70))
    values[0, 5, 5] = np.nan
    scan = in_memory(values)
    found = statistics(scan, drawn(scan, "rectangle", (2, 3), (2, 60), (50, 60), (50, 3)))
    part = values[0, 2:51, 3:61]
    assert found.voxels == part.size
    figures: Any = (found.mean, found.sd)
    assert figures == (
        pytest.approx(np.nanmean(part)),
        pytest.approx(np.nanstd(part)),
    )


def test_values_of_colour_images_and_between_voxels_are_not_stated() -> None:
    colour = in_memory(np.zeros((3, 20, 30), np.uint8))
    box = drawn(colour, "rectangle", (2, 3), (2, 7), (5, 7), (5, 3))
    found = statistics(colour, box)
    assert (found.voxels, found.mean) == (20, None)
    grey = in_memory(np.zeros((1, 20, 30)))
    between = drawn(grey, "rectangle", (2.2, 3.2), (2.2, 3.8), (2.8, 3.8), (2.8, 3.2))
    assert statistics(grey, between).voxels == 0


@pytest.mark.parametrize(
    ("kind", "voxels", "problem"),
    [
        ("length", [(1, 1, 1), (1, 1, 1)], "no size"),
        ("length", [(1, 1, 1), (9.7, 1, 1)], "outside"),
        ("probe", [(-1, 1, 1)], "outside"),
        ("probe", [(np.nan, 1, 1)], "outside"),
        ("angle", [(1, 1, 1), (1, 1, 1), (2, 1, 1)], "side without length"),
        ("rectangle", [(1, 1, 1), (3, 1, 2), (3, 3, 3), (1, 3, 2)], "one slice"),
        ("rectangle", [(1, 1, 2.5), (3, 1, 2.5), (3, 3, 2.5), (1, 3, 2.5)], "one slice"),
        ("rectangle", [(1, 1, 2), (3, 1, 2), (1, 3, 2), (3, 3, 2)], "its shape"),
        ("rectangle", [(1, 2, 2), (2, 1, 2), (3, 2, 2), (2, 3, 2)], "its shape"),
        ("rectangle", [(1, 1, 2), (3, 1, 2), (3, 1, 2), (1, 1, 2)], "no size"),
        ("ellipse", [(1, 2, 2), (5, 2, 2), (2, 0, 2), (2, 4, 2)], "its shape"),
    ],
)
def test_what_cannot_be_true_is_refused(
    kind: str, voxels: list[tuple[float, ...]], problem: str
) -> None:
    scan = volume("oblique")
    with pytest.raises(BadRequest, match=problem) as refused:
        measured([drawn(scan, kind, *voxels, exact=True)], MeasuredGrid.of(scan))
    assert refused.value.expected
    assert refused.value.hint


def test_a_table_has_a_row_for_each() -> None:
    scan = volume("flipped")
    line = replace(drawn(scan, "length", (1, 1, 1), (3, 1, 1)), label="=1+1", size=1.4, unit="mm")
    probe = drawn(scan, "probe", (1, 1, 1))
    lines = read(scan, "r", "Dr. A", [line, probe]).table().splitlines()
    assert lines[1].startswith("one,length,'=1+1,1.4,mm,,")
    assert f",,{_all(scan)[1, 1, 1]},,,,,,," in lines[2]


@pytest.mark.parametrize("kind", ["rectangle", "ellipse"])
def test_a_region_that_is_thinner_than_a_voxel_tells_apart_is_refused(kind: str) -> None:
    """It could lie on a slice of another axis, where it has no area."""
    scan = volume("axes")
    shape = rectangle if kind == "rectangle" else ellipse
    with pytest.raises(BadRequest, match="no size"):
        size(scan, drawn(scan, kind, *shape(2, 3, (5, 2), (5.01, 8)), exact=True))


def test_values_beyond_the_range_of_numbers_have_no_mean() -> None:
    """A response in JSON cannot hold infinity."""
    scan = in_memory(np.full((1, 4, 5), 1.7e308) * np.array([[1], [-1], [1], [1]]))
    found = statistics(scan, drawn(scan, "rectangle", (0, 0), (0, 4), (3, 4), (3, 0)))
    assert (found.voxels, found.mean, found.sd) == (20, None, None)
    assert (found.minimum, found.maximum) == (-1.7e308, 1.7e308)
