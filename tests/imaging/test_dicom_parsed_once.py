"""On the way from upload to stored scan, the header of each DICOM file is parsed exactly once."""

import hashlib
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import filereader
from pydicom.uid import DeflatedExplicitVRLittleEndian

from imaging.formats.dicom.deflated import DeflatedFile
from imaging.formats.incoming import IncomingScan, ScanSelection, incoming_scans
from imaging.formats.sniff import open_scan
from jobs.blobs.folder import FolderBlobs
from tests.support.dicom.files import classic, enhanced, write
from tests.support.dicom.scans import LIMITS, fresh, turned, voxels


@contextmanager
def parses() -> Iterator[list[None]]:
    """Grows by one for each header that pydicom parses."""
    counted: list[None] = []
    original = filereader.read_partial

    def counting(*args: Any, **kwargs: Any) -> Any:
        counted.append(None)
        return original(*args, **kwargs)

    header = DeflatedFile.header

    def counting_deflated(*args: Any) -> Any:
        counted.append(None)
        return header(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(filereader, "read_partial", counting)
        patch.setattr(DeflatedFile, "header", counting_deflated)
        yield counted


def single_files(folder: Path) -> tuple[list[Path], int, ScanSelection]:
    return write(classic(voxels(), turned()), folder), 7, ScanSelection()


def a_folder(folder: Path) -> tuple[list[Path], int, ScanSelection]:
    write(classic(voxels(), turned()), folder)
    return [folder], 7, ScanSelection()


def a_zip(folder: Path) -> tuple[list[Path], int, ScanSelection]:
    paths = write(classic(voxels(), turned()), folder)
    archive = folder.parent / "series.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in paths:
            file.write(path, path.name)
    return [archive], 7, ScanSelection()


def a_multi_frame_file(folder: Path) -> tuple[list[Path], int, ScanSelection]:
    return write([enhanced([voxels()], turned())], folder), 1, ScanSelection()


def one_volume_of_a_multi_frame_file(folder: Path) -> tuple[list[Path], int, ScanSelection]:
    volumes = [voxels(seed=n) for n in range(3)]
    return write([enhanced(volumes, turned())], folder), 1, ScanSelection(stack=2)


def several_series(folder: Path) -> tuple[list[Path], int, ScanSelection]:
    images = [*classic(voxels(), turned()), *classic(voxels(seed=1), turned())]
    return write(images, folder), 14, ScanSelection(each=True)


def deidentified_files(folder: Path) -> tuple[list[Path], int, ScanSelection]:
    return write(classic(voxels(), turned()), folder), 7, ScanSelection(deidentify=True)


def deflated_files(folder: Path) -> tuple[list[Path], int, ScanSelection]:
    images = classic(voxels(), turned())
    for image in images:
        image.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    return write(images, folder), 7, ScanSelection()


def resampled_slices(folder: Path) -> tuple[list[Path], int, ScanSelection]:
    images = classic(voxels(), turned())
    return write([*images[:3], *images[4:]], folder), 6, ScanSelection(resample=True)


UPLOADS: tuple[Callable[[Path], tuple[list[Path], int, ScanSelection]], ...] = (
    *(single_files, a_folder, a_zip, a_multi_frame_file, one_volume_of_a_multi_frame_file),
    *(several_series, deidentified_files, deflated_files, resampled_slices),
)


@pytest.mark.parametrize("upload", UPLOADS, ids=lambda upload: upload.__name__)
def test_each_header_is_parsed_once(
    tmp_path: Path, upload: Callable[[Path], tuple[list[Path], int, ScanSelection]]
) -> None:
    """Given an upload of any shape, there is one parse per file, and the scans are those that
    their stored files are opened as."""
    paths, files, selection = upload(tmp_path / "sent")
    with parses() as counted:
        scans, refused = incoming_scans(
            paths, fresh(tmp_path / "work"), LIMITS, selection, b"secret"
        )
    assert len(counted) == files
    assert not refused
    for scan in scans:
        _check_as_stored(scan)


def _check_as_stored(incoming: IncomingScan) -> None:
    """What is known before the file is stored equals what is read from the stored file."""
    stored, known = open_scan(incoming.path), incoming.scan
    assert known is not None
    assert (known.shape, known.dtype, known.format) == (stored.shape, stored.dtype, "dicom")
    assert (known.spacing_mm, known.warnings) == (stored.spacing_mm, stored.warnings)
    np.testing.assert_array_equal(known.affine, stored.affine)
    assert known.source is not None
    assert stored.source is not None
    assert known.source.uid == stored.source.uid
    assert incoming.sha256 == hashlib.sha256(incoming.path.read_bytes()).hexdigest()


def test_a_damaged_file_counts_for_itself_alone(tmp_path: Path) -> None:
    """Given a truncated image, it is parsed again for its series, and no other file is."""
    paths = write(classic(voxels(), turned()), tmp_path / "sent")
    other = write(classic(voxels(seed=1), turned()), tmp_path / "other")
    paths[0].write_bytes(paths[0].read_bytes()[:-50])
    with parses() as counted:
        scans, refused = incoming_scans(
            [*paths, *other], fresh(tmp_path / "work"), LIMITS, ScanSelection(each=True)
        )
    assert (len(scans), len(refused), len(counted)) == (1, 1, 15)


def test_a_known_checksum_is_not_computed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a pack whose checksum is known, the store adopts the file unread."""
    paths = write(classic(voxels(), turned()), tmp_path / "sent")
    (incoming,), _ = incoming_scans(paths, fresh(tmp_path / "work"), LIMITS)
    content = incoming.path.read_bytes()
    monkeypatch.setattr("jobs.blobs.folder.sha256_of", pytest.fail)
    blobs = FolderBlobs(tmp_path / "blobs")
    assert blobs.put(incoming.path, move=True, sha256=incoming.sha256) == incoming.sha256
    with blobs.local(str(incoming.sha256)) as path:
        assert path.read_bytes() == content
