"""Which files of a folder are DICOM."""

from collections.abc import Iterator
from pathlib import Path

from imaging.formats.dicom.formats import scan as dicom
from imaging.formats.dicom.unpack import holds_dicom, is_dicom
from imaging.formats.file_start import FileStart


def is_named_dicom(name: str) -> bool:
    """Whether a file name has the ending of DICOM files."""
    return name.lower().endswith(dicom.SCAN.endings)


def is_dicom_file(path: Path) -> bool:
    """Whether a file is DICOM, but no list of a disc (DICOMDIR), by its name, or else by its
    content; raises OSError."""
    return is_named_dicom(path.name) or (is_dicom(FileStart.of(path).head) and holds_dicom(path))


def series_files(folder: Path) -> Iterator[Path]:
    """The DICOM files of a folder, sorted, without those in folders below it and hidden files."""
    for path in sorted(folder.iterdir()):
        if not path.name.startswith(".") and path.is_file() and is_dicom_file(path):
            yield path
