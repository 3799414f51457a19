"""Scans of two files: a header, and the voxels in a file beside it."""

from collections.abc import Callable, Mapping, Sequence
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

    stated_name: Callable[[Path], str] = lambda _: ""
    """The name or path of the data file in a header; "" where the format has none. Never raises for
    a file that `is_header` accepts."""

    def data_beside(self, header: Path) -> Path | None:
        """The data file in the header's folder; None where there is none, or no clear one.

        It has the name that the header states, whose folders are not used; else the header's own
        name with another ending. Upper and lower case do not matter, unless another header's name
        differs only in them.
        """
        files = {one.name: one for one in header.parent.iterdir() if one.is_file()}
        files.pop(header.name, None)
        stated = self.stated_name(header).replace("\\", "/").rpartition("/")[2]
        name = header.name.removesuffix(".gz")
        packed = name != header.name
        endings = sorted(self.data_endings, key=lambda one: one.endswith(".gz") != packed)
        endings += [ending.upper() for ending in endings]
        alike = [f"{name.rpartition('.')[0]}{ending}" for ending in endings]
        any_case = header.name.casefold() not in map(str.casefold, files)
        own = _file_of([stated], files, any_case=any_case)
        return own or _file_of(alike, files, any_case=any_case)


def _file_of(names: Sequence[str], files: Mapping[str, Path], *, any_case: bool) -> Path | None:
    """The first of `names` that is a file; else, with `any_case`, the only file that has one in
    other case."""
    exact = next((files[name] for name in names if name in files), None)
    if exact is not None or not any_case:
        return exact
    folded = {name.casefold() for name in names}
    others = [path for name, path in files.items() if name.casefold() in folded]
    return others[0] if len(others) == 1 else None


def copy_data(data: Path, offset: int, write: Callable[[bytes], object]) -> None:
    """Copies a file from byte `offset` to its end, a block at a time."""
    with data.open("rb") as source:
        source.seek(offset)
        while block := source.read(1 << 20):
            write(block)
