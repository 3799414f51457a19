"""Voxels that are measured together and changed in place; they may be larger than memory."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil, floor
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from imaging.errors import UnsupportedScan
from imaging.large_arrays import slabs

Over = Literal["all", "inside", "nonzero"]
"""Which voxels a rule measures and changes: all of them, those that `crop_nonzero` found inside, or
those that are not 0."""
_BITS = 16
_SIGN = np.uint32(1 << 31)


@dataclass(frozen=True, slots=True, eq=False)
class Voxels:
    """A part of the components of an input, all of their voxels or some."""

    components: Sequence[NDArray[np.float32]]
    """(*grid) each, finite."""
    padding: Sequence[NDArray[np.bool_]] | None = None
    """For each component, (*grid): voxels that are changed, but not measured. None: there are
    none."""
    inside: NDArray[np.bool_] | None = None
    """(*grid): the voxels that `crop_nonzero` found inside. None: all."""
    which: Over = "all"

    def over(self, which: Over) -> Self:
        """Only the voxels that `which` names."""
        return replace(self, which=which)

    def change(self, change: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> None:
        """Replaces each value by what `change` computes of it, in place."""
        with np.errstate(over="ignore", invalid="ignore"):
            for n, rows in self._slabs():
                slab, where = self.components[n][rows], self._where(n, rows)
                if where is None:
                    slab[:] = change(slab)
                else:
                    slab[where] = change(slab[where])

    def measured(self) -> Iterator[NDArray[np.float32]]:
        """The values of the voxels that are not padding, slab by slab, flat."""
        for n, rows in self._slabs():
            slab, where = self.components[n][rows], self._where(n, rows)
            if self.padding is not None:
                real = ~self.padding[n][rows]
                where = real if where is None else where & real
            yield slab.ravel() if where is None else slab[where]

    def _slabs(self) -> Iterator[tuple[int, slice]]:
        for n, component in enumerate(self.components):
            for rows in slabs(component.shape):
                yield n, rows

    def _where(self, component: int, rows: slice) -> NDArray[np.bool_] | None:
        if self.which == "nonzero":
            return np.asarray(self.components[component][rows] != 0)
        return self.inside[rows] if self.which == "inside" and self.inside is not None else None

    @property
    def count(self) -> int:
        """Number of voxels that are measured."""
        return sum(part.size for part in self.measured())

    def mean_and_std(self) -> tuple[float, float]:
        """Mean and standard deviation (of the population), in float64; (0, 0) of no voxels."""
        count = self.count
        if count == 0:
            return 0.0, 0.0
        mean = sum(float(part.sum(dtype=np.float64)) for part in self.measured()) / count
        squares = sum(float(((part - mean) ** 2).sum()) for part in _double(self.measured()))
        return mean, float(np.sqrt(squares / count))

    def extremes(self) -> tuple[float, float]:
        """The lowest and the highest value; raises UnsupportedScan where there are no voxels."""
        low, high = np.inf, -np.inf
        for part in self.measured():
            low, high = min(low, part.min(initial=np.inf)), max(high, part.max(initial=-np.inf))
        if low > high:
            raise _no_voxels()
        return float(low), float(high)

    def percentiles(self, percents: Sequence[float]) -> list[float]:
        """The values at these percentiles (0 to 100), interpolated linearly as numpy does.

        Exact for any number of voxels. Raises UnsupportedScan where there are none.
        """
        count = self.count
        if count == 0:
            raise _no_voxels()
        places = [(count - 1) * percent / 100 for percent in percents]
        ranks = sorted({rank for place in places for rank in (floor(place), ceil(place))})
        value = dict(zip(ranks, self._at_ranks(ranks), strict=True))
        below, above = ([value[end(place)] for place in places] for end in (floor, ceil))
        return [a + (b - a) * (place % 1) for a, b, place in zip(below, above, places, strict=True)]

    def _at_ranks(self, ranks: Sequence[int]) -> Iterator[float]:
        """The values at these places of the sorted voxels, by histograms of their bits."""
        high = np.zeros(1 << _BITS, np.int64)
        for part in self.measured():
            high += np.bincount(_keys(part) >> _BITS, minlength=1 << _BITS)
        below = np.cumsum(high)
        bins = [int(np.searchsorted(below, rank, "right")) for rank in ranks]
        low = {number: np.zeros(1 << _BITS, np.int64) for number in bins}
        for part in self.measured():
            keys = _keys(part)
            for number, histogram in low.items():
                near = keys[keys >> _BITS == number] & ((1 << _BITS) - 1)
                histogram += np.bincount(near, minlength=1 << _BITS)
        for rank, number in zip(ranks, bins, strict=True):
            rest = rank - (below[number - 1] if number else 0)
            last = int(np.searchsorted(np.cumsum(low[number]), rest, "right"))
            yield _value(number << _BITS | last)


def _double(parts: Iterator[NDArray[np.float32]]) -> Iterator[NDArray[np.float64]]:
    return (part.astype(np.float64) for part in parts)


def _keys(values: NDArray[np.float32]) -> NDArray[np.uint32]:
    """Whole numbers in the order of the values: IEEE 754 bits, with those of negatives inverted."""
    bits = np.ascontiguousarray(values).view(np.uint32)
    return np.where(bits & _SIGN, ~bits, bits | _SIGN)


def _value(key: int) -> float:
    bits = key ^ int(_SIGN) if key & int(_SIGN) else ~key & 0xFFFFFFFF
    return float(np.uint32(bits).view(np.float32))


def _no_voxels() -> UnsupportedScan:
    return UnsupportedScan(
        "The scan contains no voxel that can be measured.",
        expected="At least one voxel that is not padding.",
        hint="Check the program that wrote the scan, and upload it again.",
    )
