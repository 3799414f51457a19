"""Usual sizes: how large the labels of a model are in masks that readers accepted, and in how much
of a label the network is not sure of it.

Volumes of an organ vary by a factor, not by a number of millilitres, so logarithms are compared:
with their median, in units of their median absolute deviation (MAD), which a few wrong masks do not
move. 1.4826 MAD are one standard deviation of a normal distribution.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

NEWEST = 200
"""Accepted masks that count, the newest ones: scanners and patients change."""
LEAST = 20
"""Accepted masks with a label, below which nothing is said about it."""
DEVIATIONS = 5.0
"""Standard deviations from the median, beyond which a size is unusual,"""
RATIO = 1.5
"""if it is also this many times the usual one, or the usual one is this many times the size."""
PRESENT = 0.95
"""Share of the accepted masks that have a label, from which its absence is unusual."""
SHARE = "share"
"""Unit of the share of a label's voxels that the network is not sure of. A small one is no reason
to look at a mask. The label's number is below 0 where such a share is stored with sizes."""
_NORMAL = 1.4826
_LEAST_SPREAD = 0.02
"""In case that nearly all sizes are equal."""
_MOVED = 0.5
"""Standard deviations by which a median moves until masks are compared again."""


@dataclass(frozen=True, slots=True)
class Size:
    """The size of a label in a mask."""

    label: int
    name: str
    size: float
    unit: str
    """ml, mm2, px, voxels or SHARE."""


@dataclass(frozen=True, slots=True)
class Usual:
    """What is known of a label's size."""

    middle: float
    """Median of the logarithms of the sizes."""
    spread: float
    """Their standard deviation, estimated from the MAD."""
    masks: int
    """How many accepted masks have the label."""
    share: float
    """Which part of the accepted masks has it."""
    unit: str


@dataclass(frozen=True, slots=True)
class UnusualSize:
    """A label whose size, or whose share that the network is not sure of, differs from that in
    accepted masks."""

    label: int
    name: str
    size: float
    """0: the label is missing."""
    unit: str
    usual: float
    """Median of the size in accepted masks, in the same unit."""
    masks: int
    """How many accepted masks have the label."""

    @property
    def ratio(self) -> float:
        """How many times the usual size it is."""
        return self.size / self.usual


def sizes_of(stored: Any) -> list[Size]:
    """The sizes in a row of `mask_sizes`; what a report of another version does not state in a
    usable form is left out."""
    sizes = []
    for row in stored if isinstance(stored, list) else ():
        try:
            label, name, size, unit = row
            one = Size(int(label), str(name or f"label {label}"), float(size), str(unit))
        except (TypeError, ValueError):
            continue
        if math.isfinite(one.size) and one.size >= 0:
            sizes.append(one)
    return sizes


def usual(accepted: Sequence[Sequence[Size]]) -> dict[int, Usual]:
    """Label -> what is usual for it in these masks, for labels that enough of them have."""
    logs: dict[tuple[int, str], list[float]] = {}
    for sizes in accepted:
        for one in sizes:
            if one.size > 0:
                logs.setdefault((one.label, one.unit), []).append(math.log(one.size))
    found = {}
    for (label, unit), values in sorted(logs.items()):
        if len(values) < LEAST:
            continue
        middle = median(values)
        spread = _NORMAL * median(abs(value - middle) for value in values)
        share = len(values) / len(accepted)
        found[label] = Usual(middle, max(spread, _LEAST_SPREAD), len(values), share, unit)
    return found


def unusual(sizes: Iterable[Size], figures: Mapping[int, Usual]) -> tuple[UnusualSize, ...]:
    """The labels of a mask whose size is unusual, those that differ most first."""
    found: list[tuple[float, UnusualSize]] = []
    for one in sizes:
        known = figures.get(one.label)
        if known is None or known.unit != one.unit:
            continue
        if (distance := _distance(one.size, known)) is not None:
            middle = math.exp(known.middle)
            row = UnusualSize(abs(one.label), one.name, one.size, one.unit, middle, known.masks)
            found.append((distance, row))
    return tuple(row for _, row in sorted(found, key=lambda pair: (-pair[0], pair[1].label)))


def _distance(size: float, known: Usual) -> float | None:
    """How far a size is from the usual one, in standard deviations; None if it is not unusual."""
    if size == 0:
        return math.inf if known.share >= PRESENT and known.unit != SHARE else None
    off = math.log(size) - known.middle
    if known.unit != SHARE:
        off = abs(off)
    is_unusual = off > DEVIATIONS * known.spread and off > math.log(RATIO)
    return off / known.spread if is_unusual else None


def moved(before: Mapping[int, Usual], now: Mapping[int, Usual]) -> bool:
    """Whether figures have changed so much that masks must be compared with the new ones."""
    if before.keys() != now.keys():
        return True
    return any(_differ(before[label], now[label]) for label in now)


def _differ(old: Usual, new: Usual) -> bool:
    wide, narrow = max(old.spread, new.spread), min(old.spread, new.spread)
    return (
        old.unit != new.unit
        or abs(old.middle - new.middle) > _MOVED * narrow
        or wide > 1.5 * narrow
        or (old.share >= PRESENT) is not (new.share >= PRESENT)
    )
