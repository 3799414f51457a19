"""A MetaImage header (.mhd) and its voxels in another file, written as one .mha file."""

from contextlib import suppress
from pathlib import Path

from imaging.errors import TesseraError, UnsupportedScan
from imaging.formats.file_pair import FilePair
from imaging.formats.file_start import FileStart
from imaging.formats.limits import Limits
from imaging.formats.metaimage.fields import HEADER_BYTES, LAST, LOCAL, fields_of, is_metaimage
from imaging.formats.metaimage.header import header_of
from imaging.formats.metaimage.single import write_single


def _is_header(start: FileStart) -> bool:
    if not is_metaimage(start.head):
        return False
    with suppress(TesseraError):
        return _fields(start.path)[LAST].lower() != LOCAL
    return False


def _fields(header: Path) -> dict[str, str]:
    with header.open("rb") as file:
        return fields_of(file.read(HEADER_BYTES))[0]


def _join(header: Path, data: Path, target: Path, limits: Limits) -> None:
    fields = _fields(header)
    if fields[LAST].split()[:1] == ["LIST"] or "%" in fields[LAST]:
        raise UnsupportedScan(
            "The voxels of the MetaImage are in several files.",
            expected="One header (.mhd) and one data file (.raw or .zraw).",
            hint="Load it in 3D Slicer or SimpleITK and save it as .mha.",
        )
    parsed = header_of(fields, data, 0)
    limits.check_volume(parsed.voxels, parsed.stream.stream_bytes)
    parsed.stream.check_size()
    write_single(target, parsed)


PAIR = FilePair(
    is_header=_is_header,
    data_endings=(".raw", ".zraw"),
    join=_join,
    stated_name=lambda header: _fields(header)[LAST],
)
