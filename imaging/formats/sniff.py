"""Opens scans; recognises a scan's format by its content, never by its name."""

from pathlib import Path

from imaging.errors import UnreadableScan, UnsupportedScan
from imaging.formats import registry
from imaging.formats.file_start import FileStart
from imaging.formats.foreign import FOREIGN_FORMATS
from imaging.formats.format import ScanFormat
from imaging.formats.limits import Limits
from imaging.scan import Scan

_DEFAULT = Limits()


def open_scan(path: Path, limits: Limits = _DEFAULT, scratch: Path | None = None) -> Scan:
    """The scan at `path`; reads headers, no voxels.

    `scratch`: a folder where data that cannot be read by region is unpacked at the first read.
    Raises UnreadableScan, UnsupportedScan or ScanTooLarge, each with a hint what to do.
    """
    return format_of(path).open(path, limits, scratch)


def verify(path: Path, limits: Limits = _DEFAULT) -> Scan:
    """As open_scan, and verifies that the file holds everything that its header promises.

    Memory use does not depend on the size of the scan. Compressed streams are read to their end and
    their checksums are verified. A stream that becomes longer than its header promises is refused
    at that point.
    """
    return format_of(path).verify(path, limits)


def format_of(path: Path) -> ScanFormat:
    """The format of the file or folder at `path`, by its content.

    Raises UnreadableScan or UnsupportedScan where no format recognises it.
    """
    start = _start(path)
    for scan_format in registry.SCAN_FORMATS:
        if scan_format.recognises(start):
            return scan_format
    if start.is_folder:
        raise _unreadable()
    raise _refusal(start.inflated())


def _start(path: Path) -> FileStart:
    try:
        start = FileStart.of(path)
    except OSError as error:
        raise _unreadable() from error
    if not start.head and not start.is_folder:
        raise UnreadableScan(
            "The file is empty.", expected=_expected(), hint="Export or copy the scan again."
        )
    return start


def _unreadable() -> UnreadableScan:
    return UnreadableScan(
        "The file cannot be read.",
        expected=_expected(),
        hint="Check that it exists, that it is a file, and that you have permission to read it.",
    )


def _refusal(head: bytes) -> UnreadableScan | UnsupportedScan:
    for foreign in FOREIGN_FORMATS:
        if foreign.recognises(head):
            return UnsupportedScan(
                f"This is {foreign.noun}.", expected=_expected(), hint=foreign.hint
            )
    return UnreadableScan(
        "The file's format is not supported.",
        expected=_expected(),
        hint="Check that this is the scan itself, and not a text file, a link or half of a pair. "
        "Save an image of another format as PNG or TIFF, and convert a volume to .nii.gz.",
    )


def _expected() -> str:
    return f"A scan in one of the formats {registry.supported_scans()}."
