"""The position of an NRRD volume in space, in mm.

"Definition of NRRD File Format", sections 5 and 6: orientation, and units.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, nan

import numpy as np
from numpy.typing import NDArray

from imaging.formats.affine import (
    ORIENTATION_UNKNOWN,
    check_affine_mm,
    invalid_affine,
    shear_warnings,
)
from imaging.formats.length_units import length_mm
from imaging.formats.nrrd.axes import Axes, vectors
from imaging.formats.nrrd.fields import damaged, quoted

_SPACES = {
    "right-anterior-superior": (1, 1, 1),
    "left-anterior-superior": (-1, 1, 1),
    "left-posterior-superior": (-1, -1, 1),
}
"""Space -> the signs that turn its coordinates into RAS+."""
_TIME = "-time"
_Sized = tuple[bool, bool, bool]
_SHORT = {
    "ras": "right-anterior-superior", "rast": f"right-anterior-superior{_TIME}",
    "las": "left-anterior-superior", "last": f"left-anterior-superior{_TIME}",
    "lps": "left-posterior-superior", "lpst": f"left-posterior-superior{_TIME}",
}  # fmt: skip
_NOT_ANATOMICAL = "left-posterior-superior"
"""How coordinates of a space without anatomical directions are read, as in ITK."""


@dataclass(frozen=True, slots=True, eq=False)
class NrrdSpace:
    """Where the voxels lie, in the file's own numbers and in mm."""

    name: str
    """An anatomical space without time, such as `left-posterior-superior`; empty where the file
    states none."""
    own: NDArray[np.float64]
    """(4, 4): voxel index -> the file's space, in the file's unit."""
    unit: str
    """A unit of length as the file spells it; empty where it states none."""
    affine: NDArray[np.float64]
    """(4, 4): voxel index -> RAS+ mm."""
    directed: bool = True
    """Whether the file states the directions of the axes."""
    sized: _Sized = (True, True, True)
    """Whether the file states the voxel size along each axis."""
    warnings: tuple[str, ...] = ()


def space_of(fields: Mapping[str, str], axes: Axes) -> NrrdSpace:
    """The space that a header states; raises UnreadableScan or UnsupportedScan."""
    space = fields.get("space", "").lower()
    space = _SHORT.get(space, space)
    time = space.endswith(_TIME)
    space = space.removesuffix(_TIME)
    own, sized = _own(fields, axes, time=time)
    stated = all(sized)
    unit, scale, warnings = _unit(fields, axes)
    name, directed = space if space in _SPACES else "", "spacedirections" in fields
    signs = _SPACES[name or _NOT_ANATOMICAL]
    with np.errstate(over="ignore", invalid="ignore"):  # the check refuses the result
        affine = np.diag([*(sign * scale for sign in signs), 1.0]) @ own
    check_affine_mm(affine)
    return NrrdSpace(
        name=name,
        own=own,
        unit=unit,
        affine=affine,
        directed=directed,
        sized=sized,
        warnings=(
            *(() if name and directed else (ORIENTATION_UNKNOWN,)),
            *(() if stated else ("The file states no voxel size. It is read as 1 mm.",)),
            *(warnings if stated else ()),
            *shear_warnings(affine),
        ),
    )


def space_in_mm(affine: NDArray[np.float64]) -> NrrdSpace:
    """The space of a volume from elsewhere: LPS and mm. `affine`: voxel index -> RAS+ mm."""
    own = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
    return NrrdSpace("left-posterior-superior", own, "mm", affine)


def _own(
    fields: Mapping[str, str], axes: Axes, *, time: bool
) -> tuple[NDArray[np.float64], _Sized]:
    """Voxel -> the file's space, and whether the file states the voxel size along each axis."""
    affine, sized = np.eye(4), (True, True, True)
    try:
        if "spacedirections" in fields:
            entries = [vectors(fields)[axis] for axis in axes.spatial]
            affine[:3, :3] = np.array([_vector(text, time=time) for text in entries]).T
        else:
            sizes, sized = _spacings(fields, axes)
            affine[:3, :3] = np.diag(sizes)
        if "spaceorigin" in fields:
            affine[:3, 3] = _vector(fields["spaceorigin"], time=time)
    except (ValueError, IndexError) as error:
        raise damaged("The header's space cannot be read as numbers.") from error
    return affine, sized


def _spacings(fields: Mapping[str, str], axes: Axes) -> tuple[Sequence[float], _Sized]:
    """Voxel sizes along the spatial axes; 1 where the header states none (NaN)."""
    numbers = [float(n) for n in fields.get("spacings", "").split()] or [nan] * len(axes.sizes)
    sizes = [abs(numbers[axis]) for axis in axes.spatial]
    i, j, k = (isfinite(n) and n > 0 for n in sizes)
    return [n if isfinite(n) and n > 0 else 1.0 for n in sizes], (i, j, k)


def _unit(fields: Mapping[str, str], axes: Axes) -> tuple[str, float, tuple[str, ...]]:
    """The unit, its length in mm, and a warning unless it is mm.

    `space units` are those of the directions; `units`, one for each axis, those of the spacings.
    """
    if "spacedirections" in fields:
        names = quoted(fields.get("spaceunits", ""))[:3]
    else:
        every = quoted(fields.get("units", ""))
        names = [every[axis] for axis in axes.spatial if axis < len(every)]
    names = [name.strip() for name in names]
    if not any(names):
        return "", 1.0, ("The file states no unit of length. It is read as millimetres.",)
    lengths = {length_mm(name) for name in names}
    scale = lengths.pop()
    if lengths or scale is None:
        what = "The file states a unit that is no unit of length, or different units."
        return "", 1.0, (f"{what} It is read as millimetres.",)
    if scale == 1:
        return names[0], 1.0, ()
    what = f"The file states lengths in units of {scale:g} mm; they are converted to millimetres."
    return names[0], scale, (what,)


def _vector(text: str, *, time: bool) -> tuple[float, float, float]:
    numbers = [float(n) for n in text.strip().removeprefix("(").removesuffix(")").split(",")]
    x, y, z = numbers[:3] if time and len(numbers) == 4 else numbers
    if not all(map(isfinite, (x, y, z))):
        raise invalid_affine()
    return x, y, z
