"""Assistants: what strokes change, and how requests and answers are packed."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.assistance import levels
from imaging.assistance.answer import answer
from imaging.assistance.assistants import ASSISTANTS, DEFAULT
from imaging.assistance.marks import Mark, pack_changes, read_marks
from imaging.assistance.question import Question
from imaging.assistance.region_cache import RegionCache
from imaging.assistance.request import AssistanceRequest, ScanNeeded
from imaging.box import Box
from imaging.errors import BadRequest, ScanTooLarge
from imaging.formats.limits import Limits
from tests.support.corrections import pack, unpack
from tests.support.images import nifti_bytes

SHAPE = (32, 28, 24)
Mask = np.ndarray


def ball() -> Mask:
    at = np.indices(SHAPE) - np.array([15.5, 13.5, 11.5])[:, None, None, None]
    return (at**2).sum(0) < 70


def question(mask: Mask, foreground: Mask, background: Mask, values: Any = None) -> Question:
    noise = np.random.default_rng(1).normal(0, 0.1, SHAPE)
    image = ball() + noise if values is None else values
    return Question(image[None].astype(np.float32), (1.0, 1.0, 1.2), mask, foreground, background)


def line(*where: Any) -> Mask:
    stroke = np.zeros(SHAPE, bool)
    stroke[where] = True
    return stroke


def dice(a: Mask, b: Mask) -> float:
    return float(2 * np.sum(a & b) / (a.sum() + b.sum()))


NONE = np.zeros(SHAPE, bool)


@pytest.mark.parametrize("name", ASSISTANTS)
@pytest.mark.parametrize("at_once", [1 << 18, 1 << 10])
def test_a_stroke_adds_a_missed_part_and_another_removes_a_leak(
    name: str, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the box is solved at once or from coarser grids."""
    monkeypatch.setattr(levels, "MOST_AT_ONCE", at_once)
    assistant, truth = ASSISTANTS[name], ball()
    missed = truth & (np.indices(SHAPE)[0] < 16)
    stroke = line(slice(17, 22), slice(8, 18), 11)
    assert dice(missed, truth) < 0.75
    assert dice(assistant.refine(question(missed, stroke, NONE)), truth) > 0.95
    leak = truth | line(slice(12, 20), slice(20, 27), slice(9, 14))
    removed = assistant.refine(question(leak, NONE, line(slice(13, 19), slice(23, 25), 11)))
    assert dice(leak, truth) < 0.97 < 0.98 < dice(removed, truth)


@pytest.mark.parametrize("name", ASSISTANTS)
def test_strokes_are_obeyed_and_what_they_confirm_stays(name: str) -> None:
    assistant, truth = ASSISTANTS[name], ball()
    same = assistant.refine(question(truth, truth & line(15), ~truth & line(slice(None), 3)))
    np.testing.assert_array_equal(same, truth)
    far = truth | line(slice(0, 3), slice(0, 3), slice(0, 3))  # another part, far away
    rng = np.random.default_rng(5)
    foreground = rng.random(SHAPE) < 0.01
    background = (rng.random(SHAPE) < 0.01) & ~foreground
    refined = assistant.refine(question(far, foreground, background))
    assert refined[foreground].all()
    assert not refined[background].any()
    one = assistant.refine(question(far, line(26, 14, 11), NONE))
    assert one[:3, :3, :3].all()  # not connected with the stroke
    assert one[26, 14, 11]


@pytest.mark.parametrize("name", ASSISTANTS)
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 1, 5), (9, 7)])
def test_flat_and_tiny_boxes_and_constant_values_are_answered(
    name: str, shape: tuple[int, ...]
) -> None:
    values, empty = np.zeros((3, *shape), np.float32), np.zeros(shape, bool)
    foreground = empty.copy()
    foreground[(0,) * len(shape)] = True
    asked = Question(values, (1.0,) * len(shape), empty, foreground, empty)
    refined = ASSISTANTS[name].refine(asked)
    assert refined.shape == shape
    assert refined[(0,) * len(shape)]


@given(st.integers(0, 1 << 31), st.booleans())
def test_marks_and_changes_are_places_of_the_whole_grid(seed: int, long_runs: bool) -> None:
    rng = np.random.default_rng(seed)
    dims = tuple(rng.integers(1, 9, 3).tolist())
    low = [int(rng.integers(0, n)) for n in dims]
    high = [int(rng.integers(a + 1, n + 1)) for a, n in zip(low, dims, strict=True)]
    box = Box(tuple(low), tuple(high))
    where = np.zeros(dims, bool)
    where[box.slices] = rng.random(box.shape) < (0.8 if long_runs else 0.3)
    other = where & (rng.random(dims) < 0.5)
    runs = [(int(at), 1, 1) for at in np.flatnonzero(where.flatten(order="F"))]
    runs += [(int(at), 1, 3) for at in np.flatnonzero(other.flatten(order="F"))]
    marks = read_marks(pack(runs), dims, box)
    np.testing.assert_array_equal(marks.label, where[box.slices])
    np.testing.assert_array_equal(marks.strokes == Mark.BACKGROUND, other[box.slices])
    flat = where.flatten(order="F")
    changes = unpack(pack_changes(where[box.slices], other[box.slices], dims, box))
    for start, length, value in changes:
        flat[start : start + length] = value
    np.testing.assert_array_equal(flat.reshape(dims, order="F"), other)
    assert changes == sorted(changes)


def test_of_two_strokes_the_later_one_counts_and_runs_are_limited() -> None:
    box = Box((0, 0, 0), (4, 1, 1))
    marks = read_marks(pack([(0, 3, 2), (2, 2, 3), (2, 1, 2)]), (4, 1, 1), box)
    assert marks.strokes.ravel().tolist() == [2, 2, 2, 3]
    with pytest.raises(ScanTooLarge):
        read_marks(pack([(0, 4, 1)] * 5), (4, 1, 1), box)
    with pytest.raises(BadRequest):
        read_marks(pack([(4, 1, 1)]), (8, 1, 1), box)
    with pytest.raises(BadRequest):
        read_marks(pack([(0, 1, 9)]), (4, 1, 1), box)


def test_the_scan_is_read_once_for_boxes_that_are_near(tmp_path: Path) -> None:
    path = tmp_path / "scan.nii.gz"
    path.write_bytes(gzip.compress(nifti_bytes((200, 6, 7))))

    def request(first: int, given: Path | None) -> AssistanceRequest:
        box = Box((first, 0, 0), (first + 8, 6, 7))
        marks = pack([(first, 1, 2)])
        limits = Limits()
        return AssistanceRequest(DEFAULT, "a", (200, 6, 7), box, marks, limits, tmp_path, given)

    regions = RegionCache()
    with pytest.raises(ScanNeeded):
        answer(request(10, None), regions)
    first = answer(request(10, path), regions)
    path.unlink()
    assert answer(request(10, None), regions) == first
    answer(request(60, None), regions)
    with pytest.raises(ScanNeeded):
        answer(request(100, None), regions)
