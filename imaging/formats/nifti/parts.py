# mypy: allow-untyped-calls
"""The volumes of a NIfTI file of 4 to 7 dimensions: time points, b-values, components.

Each volume is a run of bytes, because the first three axes vary fastest:

    | header | volume 1 | volume 2 | ... | volume n |
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from nibabel.nifti1 import Nifti1Header

from imaging.formats import gzip_stream
from imaging.formats.atomic import replacing
from imaging.formats.limits import Limits
from imaging.formats.nifti.header import Header
from imaging.formats.nifti.single import single_header
from imaging.formats.nifti.voxels import check_size, opened
from imaging.formats.scan_part import (
    ScanPart,
    check_part_count,
    common_folder,
    part_places,
    part_title,
)

_GZIP_LEVEL = 1
_TIME_UNITS = (8, 16, 24)  # NIFTI_UNITS_SEC, NIFTI_UNITS_MSEC, NIFTI_UNITS_USEC
_VECTOR = (1005, 1006, 1007)  # NIFTI_INTENT_SYMMATRIX, NIFTI_INTENT_DISPVECT, NIFTI_INTENT_VECTOR


def nifti_parts(path: Path, limits: Limits) -> Sequence[ScanPart]:
    """The volumes of the file at `path`; reads the header only."""
    header, stream = opened(path)
    check_part_count(header.volumes)
    check_size(header, stream, limits)
    return [ScanPart(n + 1, _title(header, n), header.grid) for n in range(header.volumes)]


def extract_nifti(path: Path, targets: Mapping[int, Path]) -> None:
    """Writes volumes of the file at `path` as files of three dimensions: number, from 1 -> target.

    The voxels, their byte order, scaling and geometry stay as they are. A gzip stream is read to
    its end, so that its checksum is verified; the volumes are compressed again.
    """
    header, stream = opened(path)
    start = single_header(_of_one_volume(header))
    with stream.unpacked(common_folder(targets)) as plain:
        for number, target in targets.items():
            offset = plain.offset + (number - 1) * header.voxel_bytes
            volume = replace(plain, sizes=header.grid, offset=offset)
            with (
                replacing(target) as file,
                gzip_stream.packing(file, compress=stream.compressed, level=_GZIP_LEVEL) as out,
            ):
                out.write(start)
                for block in volume.blocks():
                    out.write(block)


def _title(header: Header, index: int) -> str:
    lengths = header.stored_shape[3:]
    names = _axis_names(header)[: len(lengths)]
    axes = zip(names, part_places(index, lengths), lengths, strict=True)
    return part_title(axes) or "volume 1 of 1"


def _axis_names(header: Header) -> tuple[str, ...]:
    """Of the axes 4 to 7. nifti1.h: axis 4 is time, where it has a unit; axis 5 holds values."""
    timed = int(header.raw["xyzt_units"]) & 0x38 in _TIME_UNITS
    return "time point" if timed else "volume", "component", "part", "subpart"


def _of_one_volume(header: Header) -> Nifti1Header:
    raw = header.raw.copy()
    axes = min(3, len(header.stored_shape))
    raw["dim"][0], raw["dim"][axes + 1 :] = axes, 1
    if int(raw["intent_code"]) in _VECTOR:
        raw["intent_code"] = 0
    return raw
