"""A client's label map: checked to be on its image's grid, its numbers matched to labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from imaging.box import Box
from imaging.errors import BadRequest, UnreadableScan
from imaging.formats.limits import Limits
from imaging.formats.sniff import open_scan
from imaging.same_grid import on_grid_of
from imaging.scan import Scan
from jobs.job import Job
from models.any_card import AnyCard

MAX_LABEL = 65_535
_MAX_LISTED = 8


class LabelInfo(BaseModel):
    """The name of one number in a client's label map."""

    name: Annotated[str, Field(max_length=200)]
    idx: Annotated[int, Field(ge=1, le=MAX_LABEL)]


@dataclass(frozen=True, slots=True)
class LabelMap:
    """Numbers on the image's grid: labels of `job`'s model, or drawn by hand if `job` is None."""

    numbers: NDArray[Any]
    job: Job | None


def names_of(params: Mapping[str, Any]) -> dict[int, str]:
    """Number -> name from `label_info`; raises BadRequest."""
    try:
        listed = _LABEL_INFO.validate_python(params.get("label_info") or [])
    except ValidationError as error:
        raise BadRequest(
            "`label_info` in `params` is not valid.",
            expected='A list of at most 1,000 {"name": text, "idx": number from 1}.',
            hint="Correct it, or omit it.",
        ) from error
    return {one.idx: one.name for one in listed}


def read(path: Path, scan: Scan, limits: Limits, scratch: Path) -> NDArray[Any]:
    """The label numbers of a file, unsigned, of the scan's spatial shape.

    A 2D image's label map may have the image's rows and columns, or the grid of the volume that
    clients get. Raises UnreadableScan, UnsupportedScan, ScanTooLarge, and BadRequest if it is on
    another grid or holds values that are not label numbers.
    """
    label = open_scan(path, limits, scratch)
    if scan.dimension == 3:
        return _label_numbers(on_grid_of(label, scan.grid, scan.affine))
    if label.dimension == 3:
        rows, columns = scan.grid
        height, width = scan.spacing_mm or (1.0, 1.0)
        shown = on_grid_of(label, (columns, rows, 1), np.diag([width, height, 1.0, 1.0]))
        return _label_numbers(shown)[..., 0].T[::-1]
    if label.shape != (1, *scan.grid):
        raise BadRequest(
            f"The label map has the shape {label.shape}.",
            expected=f"One component on the image's own grid, {scan.grid}.",
            hint="Save label numbers, not colours, in the image's own size.",
        )
    return _label_numbers(label.read(Box.whole(label.grid))[0])


def matched(
    numbers: NDArray[Any],
    names: Mapping[int, str],
    jobs: Sequence[tuple[Job, AnyCard]],
) -> LabelMap:
    """The numbers as labels of a job's model, else as drawn by hand; `jobs`: newest first.

    With `names`, each number must have one, and the newest job counts whose model has labels of
    all these names. Without, the numbers must be labels of the newest job's model. Raises
    BadRequest for numbers without a meaning.
    """
    present = [int(n) for n in np.unique(numbers) if n]
    if names:
        _check(present, names, "a name in `label_info`")
        for job, card in jobs:
            table = _table(present, names, card)
            if table is not None:
                return LabelMap(_smallest(table[numbers]), job)
    elif jobs:
        job, card = jobs[0]
        if card.instances is None:
            known = [label.value for label in card.labels]
            _check(present, known, f"a label of {card.name}, or a name in `label_info`")
        return LabelMap(_smallest(numbers), job)
    return LabelMap(_smallest(numbers), None)


def _table(
    present: Sequence[int], names: Mapping[int, str], card: AnyCard
) -> NDArray[np.uint16] | None:
    """The client's number -> the mask's; None if the model lacks a label.

    Objects keep their numbers; their names are those of `infer_response`.
    """
    table = np.zeros(max([0, *present]) + 1, np.uint16)
    if card.instances is not None:
        (label,) = card.labels
        if not all(names[n] in (label.name, f"{label.name} {n}") for n in present):
            return None
        table[list(present)] = present
        return table
    values = {label.name: label.value for label in card.labels}
    if not all(names[n] in values for n in present):
        return None
    table[list(present)] = [values[names[n]] for n in present]
    return table


def _check(present: Sequence[int], known: Any, expected: str) -> None:
    unknown = [n for n in present if n not in known]
    if unknown:
        shown = ", ".join(map(str, unknown[:_MAX_LISTED])) + (
            ", ..." if unknown[_MAX_LISTED:] else ""
        )
        raise BadRequest(
            f"The label map holds {len(unknown)} number(s) without a meaning: {shown}.",
            expected=f"For each number, {expected}.",
            hint="Send their names in `label_info`, or correct the label map.",
        )


def _label_numbers(values: NDArray[Any]) -> NDArray[Any]:
    """The values as unsigned numbers; a file of floats may hold whole numbers."""
    with np.errstate(invalid="ignore"):
        numbers = values.astype(np.uint16)
    if not np.array_equal(numbers, values):
        raise UnreadableScan(
            "The label map holds values that are not label numbers.",
            expected=f"Whole numbers from 0 to {MAX_LABEL:,}.",
            hint="Export a label map, not probabilities or an image.",
        )
    return numbers


def _smallest(numbers: NDArray[Any]) -> NDArray[Any]:
    return numbers.astype(np.min_scalar_type(int(numbers.max(initial=0))))


_LABEL_INFO: TypeAdapter[list[LabelInfo]] = TypeAdapter(
    Annotated[list[LabelInfo], Field(max_length=1000)]
)
