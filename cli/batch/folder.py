"""The scans in a folder and the folders below it.

A scan is a file with the ending of a scan format, an OME-Zarr, an archive of DICOM files, the
header of a pair of files, or all DICOM files of one folder together. Hidden files and folders, and
links to folders, are left out.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from cli.batch.dicom_folder import is_dicom_file, is_named_dicom
from cli.batch.entry import Entry, ScanPath
from imaging.errors import BadRequest
from imaging.formats import registry
from imaging.formats.dicom.unpack import holds_dicom
from imaging.formats.joined_pair import data_file_of
from imaging.formats.ome_zarr.read import is_ome_zarr


def entries_of_folder(root: Path, out: Path) -> list[Entry]:
    """An entry for each scan below `root`, sorted; its id is its path below `root`.

    `out`, the folder of the masks, is left out. Raises BadRequest where there is no scan.
    """
    entries = []
    for scan in _scans(root, out.resolve()):
        name = scan.path.relative_to(root).as_posix()
        name = root.resolve().name if name == "." else name
        entries.append(Entry(name, {"": scan}))
    if not entries:
        raise BadRequest(
            "The folder holds no scan.",
            expected=f"Scans in one of the formats {registry.supported_scans()}.",
            hint="Check the folder. A table in CSV can list scans with other names.",
        )
    return sorted(entries, key=lambda entry: entry.id)


def _scans(root: Path, out: Path) -> Iterator[ScanPath]:
    for place, folders, names in os.walk(root, onerror=_refuse):
        folder = Path(place)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        folders[:] = [name for name in folders if (folder / name).resolve() != out]
        if is_ome_zarr(folder):
            folders.clear()
            yield ScanPath(folder)
        else:
            yield from _scans_of_one(folder, sorted(n for n in names if not n.startswith(".")))


def _scans_of_one(folder: Path, names: Sequence[str]) -> Iterator[ScanPath]:
    """The scans of one folder. Once it has a DICOM file, those of its other files that have no
    known ending are not looked into: a series has hundreds."""
    others = [name for name in names if not _has_ending(name)]
    yield from (ScanPath(folder / name) for name in names if _has_ending(name))
    dicom = [name for name in others if is_named_dicom(name)]
    alone = len(dicom or others) == 1
    for name in [] if dicom else others:
        path = folder / name
        try:
            if is_dicom_file(path):
                dicom.append(name)
                break
            if holds_dicom(path) or data_file_of(path) is not None:
                yield ScanPath(path)
        except OSError:  # a link to nothing, or a file that may not be read: nothing says a scan
            continue
    if dicom:
        yield ScanPath(folder / dicom[0]) if alone else ScanPath(folder, is_series=True)


def _has_ending(name: str) -> bool:
    """Whether a name has the ending of a scan format other than DICOM."""
    return name.lower().endswith(_ENDINGS)


_ENDINGS = tuple(
    end for one in registry.SCAN_FORMATS for end in one.endings if not is_named_dicom(end)
)


def _refuse(error: OSError) -> None:
    raise BadRequest(
        f"The folder {error.filename} cannot be read: {error.strerror}.",
        expected="A folder whose content this user may read.",
        hint="Change its permissions, or give another folder.",
    ) from error
