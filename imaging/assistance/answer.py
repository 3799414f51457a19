"""Answers a request: reads the box, asks the assistant, and packs what changes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.assistance.assistants import ASSISTANTS
from imaging.assistance.marks import Mark, pack_changes, read_marks
from imaging.assistance.question import Question
from imaging.assistance.region_cache import RegionCache
from imaging.assistance.request import AssistanceRequest
from imaging.box import Box
from imaging.formats.label_map import from_upright, upright


def answer(request: AssistanceRequest, regions: RegionCache) -> bytes:
    """The changes of the mask, as `pack_changes` packs them.

    Raises ScanNeeded, what `read_marks` raises, and what opening a scan raises.
    """
    flat = len(request.grid) == 2
    dims = (*request.grid[::-1], 1) if flat else request.grid
    marks = read_marks(request.marks, dims, request.box)
    box = _image_box(request.box, request.grid) if flat else request.box
    region = regions.region(request, box)
    values = np.stack([_scaled(channel) for channel in region.read(box)])
    label = from_upright(marks.label) if flat else marks.label
    strokes = from_upright(marks.strokes) if flat else marks.strokes
    foreground, background = strokes == Mark.FOREGROUND, strokes == Mark.BACKGROUND
    question = Question(values, region.spacing, label, foreground, background)
    refined = ASSISTANTS[request.assistant].refine(question)
    before, after = (upright(one) if flat else one for one in (question.mask, refined))
    return pack_changes(before, after, dims, request.box)


def _image_box(box: Box, grid: tuple[int, ...]) -> Box:
    """A box of an image's mask as NIfTI as one of rows and columns; see `label_map.upright`."""
    rows = grid[0]
    return Box((rows - box.stop[1], box.start[0]), (rows - box.start[1], box.stop[0]))


def _scaled(values: NDArray[Any]) -> NDArray[np.float32]:
    """The values from 0, the least, to 1; those that are not a number become 0."""
    exact = values.dtype.kind in "iu" and values.dtype.itemsize < 3  # float32 holds each value
    real: NDArray[Any] = values.astype(np.float32 if exact else np.float64)  # a copy
    finite: NDArray[np.bool_] | bool = True if exact else np.isfinite(real)
    low = float(real.min(initial=np.inf, where=finite))
    high = float(real.max(initial=-np.inf, where=finite))
    if not low < high:
        return np.zeros(values.shape, np.float32)
    with np.errstate(invalid="ignore"):
        real -= low
        real /= high - low
        np.clip(real, 0, 1, out=real)
    return np.asarray(np.nan_to_num(real, copy=False), np.float32)
