"""A label map that a client sent: proved to lie on its image, its numbers given a meaning."""

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
from models.card import ModelCard

LARGEST = 65_535
_SHOWN = 8


class LabelInfo(BaseModel):
    """What one number in a client's label map is called."""

    name: Annotated[str, Field(max_length=200)]
    idx: Annotated[int, Field(ge=1, le=LARGEST)]


@dataclass(frozen=True, slots=True)
class LabelMap:
    """Numbers on the image's grid; of `job`'s model, or, without one, drawn by hand."""

    numbers: NDArray[Any]
    job: Job | None


def names_of(params: Mapping[str, Any]) -> dict[int, str]:
    """Number -> name, as `label_info` tells; raises BadRequest."""
    try:
        listed = _LISTED.validate_python(params.get("label_info") or [])
    except ValidationError as error:
        raise BadRequest(
            "`label_info` in `params` is not of the right form.",
            expected='A list of {"name": text, "idx": number from 1}, of 1,000 at most.',
            hint="Mend it, or leave it out.",
        ) from error
    return {one.idx: one.name for one in listed}


def read(path: Path, scan: Scan, limits: Limits, scratch: Path) -> NDArray[Any]:
    """The label numbers of a file on the scan's grid, unsigned.

    A picture's may lie on its own rows and columns or on the volume that it is handed out as.
    Raises UnreadableScan, UnsupportedScan, ScanTooLarge, and BadRequest with the figures where it
    lies elsewhere or holds what are no label numbers.
    """
    label = open_scan(path, limits, scratch)
    if scan.dimension == 3:
        return _whole(on_grid_of(label, scan.grid, scan.affine))
    if label.dimension == 3:
        rows, columns = scan.grid
        height, width = scan.spacing_mm or (1.0, 1.0)
        shown = on_grid_of(label, (columns, rows, 1), np.diag([width, height, 1.0, 1.0]))
        return _whole(shown)[..., 0].T[::-1]
    if label.shape != (1, *scan.grid):
        raise BadRequest(
            f"The label map has the shape {label.shape}.",
            expected=f"One component on the image's own grid, {scan.grid}.",
            hint="Save label numbers, not colours, in the picture's own size.",
        )
    return _whole(label.read(Box.whole(label.grid))[0])


def fitted(
    numbers: NDArray[Any],
    names: Mapping[int, str],
    made: Sequence[tuple[Job, ModelCard]],
) -> LabelMap:
    """The numbers as those of the newest job whose model knows them, else as drawn by hand.

    With `names` each number must have one, and a model knows those by its labels' names. Without,
    the numbers are the newest job's model's own. Raises BadRequest for numbers without meaning.
    """
    present = [int(n) for n in np.unique(numbers) if n]
    if names:
        _check(present, names, "a name in `label_info`")
        for job, card in made:
            table = _table(present, names, card)
            if table is not None:
                return LabelMap(_smallest(table[numbers]), job)
    elif made:
        job, card = made[0]
        if card.instances is None:
            known = [label.value for label in card.labels]
            _check(present, known, f"a label of {card.name}, or a name in `label_info`")
        return LabelMap(_smallest(numbers), job)
    return LabelMap(_smallest(numbers), None)


def _table(
    present: Sequence[int], names: Mapping[int, str], card: ModelCard
) -> NDArray[np.uint16] | None:
    """The client's number -> the mask's; None where the model has no such label.

    Objects keep their numbers, and are called as `result` calls them.
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
    foreign = [n for n in present if n not in known]
    if foreign:
        shown = ", ".join(map(str, foreign[:_SHOWN])) + (", ..." if foreign[_SHOWN:] else "")
        raise BadRequest(
            f"The label map holds {len(foreign)} number(s) without a meaning: {shown}.",
            expected=f"For each number {expected}.",
            hint="Send their names in `label_info`, or mend the label map.",
        )


def _whole(values: NDArray[Any]) -> NDArray[Any]:
    """As unsigned numbers; a NIfTI or NRRD of floats may hold whole ones."""
    with np.errstate(invalid="ignore"):
        numbers = values.astype(np.uint16)
    if not np.array_equal(numbers, values):
        raise UnreadableScan(
            "The label map holds values that are no label numbers.",
            expected=f"Whole numbers from 0 to {LARGEST:,}.",
            hint="Export a label map, not probabilities or an image.",
        )
    return numbers


def _smallest(numbers: NDArray[Any]) -> NDArray[Any]:
    return numbers.astype(np.min_scalar_type(int(numbers.max(initial=0))))


_LISTED: TypeAdapter[list[LabelInfo]] = TypeAdapter(
    Annotated[list[LabelInfo], Field(max_length=1000)]
)
