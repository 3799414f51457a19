"""The axes of an NRRD file: three in space, and others that hold time points or components."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from imaging.errors import UnsupportedScan
from imaging.formats.nrrd.fields import damaged
from imaging.formats.scan_part import part_places, part_title
from imaging.formats.whole_numbers import whole_number

_MOST_AXES = 16  # NRRD_DIM_MAX
_VECTOR = re.compile(r"none|nan|\([^()]*\)", re.IGNORECASE)
_SPATIAL = {"domain", "space", "none", "???", ""}
"""Kinds of an axis that may be in space; the others hold colours, vectors or points in time."""
_NAMES = {"time": "time point", "list": "volume", "none": "volume", "???": "volume",
          "domain": "volume", "space": "volume", "": "volume"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Axes:
    """The axes in the file's order: the first varies fastest."""

    sizes: tuple[int, ...]
    spatial: tuple[int, int, int]
    """Numbers of the three axes in space, ascending."""
    kinds: tuple[str, ...]
    """Lower case; empty where the header states none."""

    @property
    def grid(self) -> tuple[int, int, int]:
        i, j, k = (self.sizes[axis] for axis in self.spatial)
        return i, j, k

    @property
    def others(self) -> tuple[int, ...]:
        """Numbers of the axes that are not in space."""
        return tuple(axis for axis in range(len(self.sizes)) if axis not in self.spatial)

    @property
    def parts(self) -> int:
        """Number of volumes in the file."""
        return prod(self.sizes[axis] for axis in self.others)

    def places(self, index: int) -> tuple[int, ...]:
        """Where part `index` (from 0) lies along each of `others`; the first varies fastest."""
        return part_places(index, [self.sizes[axis] for axis in self.others])

    def title(self, index: int) -> str:
        """The name of part `index` (from 0), such as `time point 3 of 150`."""
        axes = (
            (_NAMES.get(self.kinds[axis], "component"), place, self.sizes[axis])
            for axis, place in zip(self.others, self.places(index), strict=True)
        )
        return part_title(axes) or "volume 1 of 1"


def axes_of(fields: Mapping[str, str]) -> Axes:
    """The axes that a header states; raises UnreadableScan or UnsupportedScan."""
    sizes = _sizes(fields)
    kinds = tuple(fields.get("kinds", "").lower().split()) or ("",) * len(sizes)
    if len(kinds) != len(sizes):
        raise damaged("The header's kinds are more or fewer than its axes.")
    spatial = _spatial(fields, kinds)
    if len(spatial) != 3:
        raise UnsupportedScan(
            f"The file has {len(sizes)} axes, {len(spatial)} of them in space.",
            expected="Three axes in space, by the fields `space directions` or `kinds`.",
            hint="Save the volume as .nrrd or .nii.gz in 3D Slicer, and send that.",
        )
    return Axes(sizes, (spatial[0], spatial[1], spatial[2]), kinds)


def vectors(fields: Mapping[str, str]) -> list[str]:
    """The entries of `space directions`: a vector for each axis in space, else `none`."""
    return _VECTOR.findall(fields["spacedirections"])


def _sizes(fields: Mapping[str, str]) -> tuple[int, ...]:
    try:
        count = whole_number(fields["dimension"])
        sizes = [whole_number(n) for n in fields["sizes"].split()]
    except ValueError as error:
        raise damaged("The header's sizes are not whole numbers below 2^62.") from error
    if len(sizes) != count or count > _MOST_AXES or not all(n >= 1 for n in sizes):
        raise damaged("The header's dimension and sizes contradict each other.")
    return tuple(sizes)


def _spatial(fields: Mapping[str, str], kinds: tuple[str, ...]) -> list[int]:
    """Axes with a direction; without directions, those whose kind may be in space."""
    axes = [axis for axis, kind in enumerate(kinds) if kind in _SPATIAL]
    if "spacedirections" not in fields:
        return axes
    entries = vectors(fields)
    if len(entries) != len(kinds):
        raise damaged("The header's space directions are more or fewer than its axes.")
    return [axis for axis in axes if entries[axis].startswith("(")]
