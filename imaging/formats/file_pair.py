"""Scans of two files: a header, and the voxels in a file beside it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from imaging.formats.file_start import FileStart
from imaging.formats.limits import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePair:
    """How a format becomes one file that it can open."""

    is_header: Callable[[FileStart], bool]
    """Whether a file is a header whose voxels are in another file; never raises."""
    data_endings: tuple[str, ...]
    """Endings of the names of data files, such as `.img`; for data files beside a header."""
    join: Callable[[Path, Path, Path, Limits], None]
    """Writes a header (first) and its voxels (second) as one file (third) of the format.

    Only the header's numbers are copied. Raises UnreadableScan, UnsupportedScan or ScanTooLarge.
    """

    def data_beside(self, header: Path) -> Path | None:
        """The data file in the header's folder with the same name but for the ending."""
        stem = header.name.removesuffix(".gz").rpartition(".")[0]
        names = {f"{stem}{ending}".lower() for ending in self.data_endings}
        beside = (one for one in header.parent.iterdir() if one.name.lower() in names)
        return next((one for one in sorted(beside) if one.is_file()), None)


def copy_data(data: Path, offset: int, write: Callable[[bytes], object]) -> None:
    """Copies a file from byte `offset` to its end, a block at a time."""
    with data.open("rb") as source:
        source.seek(offset)
        while block := source.read(1 << 20):
            write(block)
