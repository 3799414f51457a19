"""A header and its data file that came in one upload or archive, as one file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from imaging.errors import BadRequest
from imaging.formats import registry
from imaging.formats.dicom.unpack import scan_files
from imaging.formats.file_pair import FilePair
from imaging.formats.file_start import FileStart
from imaging.formats.limits import Limits


@dataclass(frozen=True, slots=True)
class JoinedPair:
    """The file of a pair."""

    path: Path
    header: Path
    """The file that was the header."""


def joined_files(paths: Sequence[Path], folder: Path, limits: Limits) -> JoinedPair | None:
    """Joins two files, one of which is a header, into a file in `folder`; None for all else.

    What the data file begins with does not matter: raw voxels may begin as any format does. Raises
    what `FilePair.join` raises.
    """
    if len(paths) != 2 or not all(path.is_file() for path in paths):
        return None
    for header, data in (paths, (paths[1], paths[0])):
        for pair in _pairs(header):
            target = folder / "joined"
            pair.join(header, data, target, limits)
            return JoinedPair(target, header)
    return None


def joined_members(paths: Sequence[Path], folder: Path, limits: Limits) -> JoinedPair | None:
    """As `joined_files`, for the two files in an archive or folder.

    Raises BadRequest for a header and a file of another folder, which may be of another scan, and
    what `scan_files` raises.
    """
    unpacked = folder / "pair"
    unpacked.mkdir(exist_ok=True)
    files = list(islice(scan_files(paths, unpacked, limits), 3))
    apart = len({one.folder for one in files}) > 1
    if len(files) == 2 and apart and any(any(_pairs(one.path)) for one in files):
        raise _apart()
    return joined_files([one.path for one in files], folder, limits)


def data_file_of(path: Path) -> Path | None:
    """The data file beside a header, by its name; None where `path` is no header of a pair."""
    return next((pair.data_beside(path) for pair in _pairs(path)), None)


def _apart() -> BadRequest:
    return BadRequest(
        "The header and the other file are in different folders, so they may be of two scans.",
        expected="A header and its data file in the same folder.",
        hint="Put both files of one scan into a folder or archive, without other files.",
    )


def _pairs(path: Path) -> Iterator[FilePair]:
    """The kind of pair that the file at `path` is the header of."""
    start = FileStart.of(path)
    for scan_format in registry.SCAN_FORMATS:
        if scan_format.pair is not None and scan_format.pair.is_header(start):
            yield scan_format.pair
