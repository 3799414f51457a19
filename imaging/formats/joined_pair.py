"""A header and its data file that came in one upload or archive, as one file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

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


def joined_pair(paths: Sequence[Path], folder: Path, limits: Limits) -> JoinedPair | None:
    """Joins the two files in `paths`, or in the archive there, into a file in `folder`.

    None where there are not two files, or where neither is a header. Raises what `FilePair.join`
    and `scan_files` raise.
    """
    unpacked = folder / "pair"
    unpacked.mkdir()
    files = [one.path for one in islice(scan_files(paths, unpacked, limits), 3)]
    if len(files) != 2:
        return None
    for header, data in (files, reversed(files)):
        for pair in _pairs(header):
            target = folder / "joined"
            pair.join(header, data, target, limits)
            return JoinedPair(target, header)
    return None


def data_file_of(path: Path) -> Path | None:
    """The data file beside a header, by its name; None where `path` is no header of a pair."""
    return next((pair.data_beside(path) for pair in _pairs(path)), None)


def _pairs(path: Path) -> Iterator[FilePair]:
    """The kind of pair that the file at `path` is the header of."""
    start = FileStart.of(path)
    for scan_format in registry.SCAN_FORMATS:
        if scan_format.pair is not None and scan_format.pair.is_header(start):
            yield scan_format.pair
