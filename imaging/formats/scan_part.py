"""One of the scans in a file that holds several: a time point, a frame, a component, a page."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from imaging.errors import NotFound, ScanTooLarge, SeveralScans

MOST_PARTS = 10_000
"""Most scans that a file may hold; a functional MRI of an hour has a few thousand time points."""


@dataclass(frozen=True, slots=True)
class ScanPart:
    """One scan of a file; a caller chooses it by its number."""

    number: int
    """From 1, in the order of the file."""
    title: str
    """A name without patient data, such as `time point 3 of 150`."""
    shape: tuple[int, ...]
    """Its spatial shape: (i, j, k) for a volume, (row, column) for an image."""

    @property
    def choice(self) -> dict[str, Any]:
        """The entry of a list of choices in an API response."""
        rows, columns = self.shape if len(self.shape) == 2 else self.shape[1::-1]
        return {
            "volume": self.number,
            "name": self.title,
            "slices": self.shape[2] if len(self.shape) == 3 else 1,
            "rows": rows,
            "columns": columns,
        }


def part_places(index: int, lengths: Sequence[int]) -> tuple[int, ...]:
    """Where part `index` (from 0) lies along each axis that tells parts apart; the first of them
    varies fastest."""
    return tuple(int(n) for n in np.unravel_index(index, lengths, order="F")) if lengths else ()


def part_title(axes: Iterable[tuple[str, int, int]]) -> str:
    """Such as `time point 3 of 150, component 1 of 3`; "" where no axis is longer than 1.

    `axes`: of each axis that tells parts apart, its name, the part's place (from 0) and the length.
    """
    return ", ".join(f"{name} {n + 1} of {length}" for name, n, length in axes if length > 1)


def check_part_count(count: int, noun: str = "volumes") -> None:
    """Raises ScanTooLarge for a file that holds more than MOST_PARTS scans."""
    if count > MOST_PARTS:
        raise ScanTooLarge(
            f"The header states {count:,} {noun}.",
            expected=f"At most {MOST_PARTS:,} {noun} in a file.",
            hint="Split the file into smaller ones.",
        )


def common_folder(targets: Mapping[int, Path]) -> Path:
    """The folder that parts are written to; temporary files belong there, too."""
    return next(iter(targets.values())).parent


Part = TypeVar("Part", bound=ScanPart)


def chosen_parts(parts: Sequence[Part], volume: int | None, *, each: bool) -> Sequence[Part]:
    """The parts that a caller means: number `volume`, or all with `each`, or the only one.

    Raises NotFound where there is no such part, SeveralScans where one must be chosen.
    """
    if volume is not None:
        if volume > len(parts):
            raise NotFound(
                f"The file has no volume number {volume}.",
                expected=f"A number from 1 to {len(parts)}.",
                hint="Send it without `volume`: the response lists what the file holds.",
            )
        return (parts[volume - 1],)
    if len(parts) > 1 and not each:
        raise SeveralScans(
            f"The file holds {len(parts)} scans.",
            expected="One scan, or the choice of one.",
            hint="Choose one by `volume`, or set `each=true` to make a scan of each.",
            choices=[part.choice for part in parts],
        )
    return parts
