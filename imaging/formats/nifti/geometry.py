# mypy: allow-untyped-calls
"""The position of a NIfTI volume in space: sform, qform or bare voxel sizes, in mm.

nifti1.h, "3D IMAGE (VOLUME) ORIENTATION AND LOCATION IN SPACE": method 3 is the sform, method 2 the
qform, method 1 neither.
"""

from dataclasses import dataclass
from math import inf

import numpy as np
from nibabel.nifti1 import Nifti1Header
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from imaging.errors import UnsupportedScan
from imaging.formats.affine import (
    ORIENTATION_UNKNOWN,
    axis_lengths,
    check_affine_mm,
    completed,
    corner_distance,
    invalid_affine,
    is_valid,
    shear_warnings,
)

_UNITS = {1: ("metres", 1000.0), 2: ("millimetres", 1.0), 3: ("micrometres", 0.001)}
"""NIFTI_UNITS_METER, NIFTI_UNITS_MM, NIFTI_UNITS_MICRON, and their lengths in mm."""
_SPACE_UNIT = 7  # XYZT_TO_SPACE
_LONGEST_QUATERNION = 1.001
"""Rounding of b, c and d; nifti1_io.c normalises such a quaternion, too."""
_FORM_TOLERANCE = 0.1
"""Distance of sform and qform in voxels that is not reported: above rounding by float32."""
_FORM_NAMES = {1: "scanner", 2: "aligned scan", 3: "Talairach", 4: "MNI 152", 5: "template"}


@dataclass(frozen=True, slots=True, eq=False)
class Geometry:
    """Where the voxels lie."""

    affine: NDArray[np.float64]
    """(4, 4): voxel index -> RAS+ mm."""
    warnings: tuple[str, ...]


def geometry_of(raw: Nifti1Header, grid: tuple[int, int, int]) -> Geometry:
    """The sform where there is one, else the qform, else the bare voxel sizes, as in nibabel.

    Lengths in metres and micrometres become mm. Raises UnsupportedScan where no form is valid,
    or lengths are impossible.
    """
    scale, unit_warnings = _unit(raw)
    sizes, size_warnings = _voxel_sizes(raw, grid)
    sform = completed(_sform(raw), grid, sizes) if int(raw["sform_code"]) > 0 else None
    qform = _qform(raw, sizes) if int(raw["qform_code"]) > 0 else None
    affine, form_warnings = _best(raw, sform, qform, sizes, grid, scale)
    if qform is None and affine is sform:
        size_warnings = ()  # the voxel sizes of the header are not used
    if scale != 1:
        affine = np.diag([scale, scale, scale, 1.0]) @ affine
    check_affine_mm(affine)
    warnings = (*form_warnings, *unit_warnings, *size_warnings, *shear_warnings(affine))
    return Geometry(affine, warnings)


def _unit(raw: Nifti1Header) -> tuple[float, tuple[str, ...]]:
    """The length of the header's unit in mm, and a warning unless it is mm."""
    code = int(raw["xyzt_units"]) & _SPACE_UNIT
    if code == 0:
        return 1.0, ("The file states no unit of length. It is read as millimetres.",)
    if code not in _UNITS:
        what = f"The file states the unit {code}, which is no unit of length."
        return 1.0, (f"{what} It is read as millimetres.",)
    name, scale = _UNITS[code]
    if scale == 1:
        return 1.0, ()
    return scale, (f"The file states lengths in {name}; they are converted to millimetres.",)


def _voxel_sizes(
    raw: Nifti1Header, grid: tuple[int, int, int]
) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """pixdim 1 to 3, positive; 1 where the header states none, as in nifti1_io.c and nibabel."""
    stated = [abs(size) for size in raw["pixdim"][1:4].tolist()]
    missing = [not 0 < size < inf for size in stated]
    sizes = tuple(1.0 if gap else size for gap, size in zip(missing, stated, strict=True))
    if not any(gap and length > 1 for gap, length in zip(missing, grid, strict=True)):
        return sizes, ()
    return sizes, ("The file states no voxel size along an axis. It is read as 1.",)


def _sform(raw: Nifti1Header) -> NDArray[np.float64]:
    rows = [raw[field].tolist() for field in ("srow_x", "srow_y", "srow_z")]
    return np.array([*rows, (0, 0, 0, 1)], np.float64)


def _qform(raw: Nifti1Header, sizes: tuple[float, ...]) -> NDArray[np.float64] | None:
    """The qform; None where it is not valid. pixdim[0] is -1 below 0, else +1, also for 0."""
    with np.errstate(invalid="ignore"):
        quaternion = np.array([raw[f"quatern_{n}"] for n in "bcd"], np.float64)
        qfac = -1.0 if float(raw["pixdim"][0]) < 0 else 1.0
    length = float(np.linalg.norm(quaternion))
    if not length <= _LONGEST_QUATERNION:
        return None
    sound = raw.copy()
    sound["pixdim"][:4] = (qfac, *sizes)
    if length > 1:
        for name, number in zip("bcd", quaternion / length, strict=True):
            sound[f"quatern_{name}"] = number
    try:
        affine = np.asarray(sound.get_qform(), np.float64)
    except (HeaderDataError, ValueError):
        return None
    return affine if is_valid(affine) else None


def _best(
    raw: Nifti1Header,
    sform: NDArray[np.float64] | None,
    qform: NDArray[np.float64] | None,
    sizes: tuple[float, ...],
    grid: tuple[int, int, int],
    scale: float,
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """The form that is used, in the file's unit, and warnings about the choice."""
    if sform is not None and is_valid(sform):
        return sform, _disagreement(raw, sform, qform, grid, scale)
    if qform is not None:
        if sform is None:
            return qform, ()
        return qform, ("The file's sform is not valid. Its qform was used.",)
    if sform is not None or int(raw["qform_code"]) > 0:
        raise _invalid_form("sform" if sform is not None else "qform")
    bare = raw.copy()
    bare["pixdim"][1:4] = sizes
    affine = np.asarray(bare.get_base_affine(), np.float64)
    if not is_valid(affine):
        raise invalid_affine()
    return affine, (ORIENTATION_UNKNOWN,)


def _disagreement(
    raw: Nifti1Header,
    sform: NDArray[np.float64],
    qform: NDArray[np.float64] | None,
    grid: tuple[int, int, int],
    scale: float,
) -> tuple[str, ...]:
    if qform is None:
        return ()
    distance = corner_distance(sform, qform, grid)
    if distance <= _FORM_TOLERANCE * min(axis_lengths(sform)):
        return ()
    names = [
        f"{form} ({_FORM_NAMES.get(int(raw[f'{form}_code']), 'unknown')})"
        for form in ("sform", "qform")
    ]
    what = f"The file states two positions, which differ by up to {distance * scale:.3g} mm"
    return (f"{what}: its {' and its '.join(names)}. The sform was used.",)


def _invalid_form(form: str) -> UnsupportedScan:
    what = {
        "sform": "Its three axes do not span space, or a number in it is not finite.",
        "qform": "The quaternion or the offset is not finite, or the quaternion is longer than 1.",
    }[form]
    return UnsupportedScan(
        f"The {form} in the NIfTI header is not valid. {what}",
        expected="An affine whose three axes have a length and point in different directions.",
        hint="Set a valid affine, for example from the original series, and send the scan again.",
    )
