"""A detached NRRD header (.nhdr) and its voxels in another file, written as one .nrrd file."""

from contextlib import suppress
from pathlib import Path

from imaging.errors import TesseraError, UnsupportedScan
from imaging.formats.atomic import replacing
from imaging.formats.file_pair import FilePair, copy_data
from imaging.formats.file_start import FileStart
from imaging.formats.limits import Limits
from imaging.formats.nrrd.fields import HEADER_BYTES, SIGNATURE, fields_of
from imaging.formats.nrrd.header import header_of

_COPIED = {
    "type": "type", "dimension": "dimension", "space": "space", "sizes": "sizes",
    "spacedirections": "space directions", "spacings": "spacings", "kinds": "kinds",
    "endian": "endian", "encoding": "encoding", "spaceorigin": "space origin",
    "spaceunits": "space units", "units": "units",
}  # fmt: skip
"""Fields with numbers and codes, by their names without blanks; the others hold text, or describe
the data file."""


def _is_header(start: FileStart) -> bool:
    if not start.starts_with(SIGNATURE):
        return False
    with suppress(TesseraError):
        return "datafile" in _fields(start.path)
    return False


def _fields(header: Path) -> dict[str, str]:
    with header.open("rb") as file:
        return fields_of(file.read(HEADER_BYTES), attached=False)[0]


def _join(header: Path, data: Path, target: Path, limits: Limits) -> None:
    fields = _fields(header)
    name = fields.pop("datafile")
    if name.split()[:1] == ["LIST"] or "%" in name:
        raise UnsupportedScan(
            "The voxels of the NRRD header are in several files.",
            expected="One header (.nhdr) and one data file.",
            hint="Load it in 3D Slicer and save it as .nrrd.",
        )
    parsed = header_of(fields, data, 0)
    limits.check_volume(parsed.voxels, parsed.stream.stream_bytes)
    parsed.stream.check_size()
    lines = ["NRRD0005", *(f"{_COPIED[n]}: {fields[n]}" for n in _COPIED if n in fields)]
    if parsed.stream.skip:
        lines.append(f"byte skip: {parsed.stream.skip}")
    with replacing(target) as file:
        file.write("\n".join([*lines, "", ""]).encode())
        copy_data(data, parsed.stream.offset, file.write)


PAIR = FilePair(
    is_header=_is_header,
    data_endings=(".raw", ".raw.gz", ".gz"),
    join=_join,
    stated_name=lambda header: _fields(header)["datafile"],
)
