"""The same DICOM series by upload, C-STORE and pull is one scan; another one is another scan."""

import copy
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    RLELossless,
    UltrasoundMultiFrameImageStorage,
)
from sqlalchemy import update

from imaging.errors import BadInput
from imaging.formats.limits import Limits
from imaging.formats.sniff import open_scan
from jobs.blobs.folder import FolderBlobs
from jobs.repository import Repository
from jobs.repository.schema.scan_tables import scans
from jobs.settings import Settings
from jobs.stored_scan import StoredScan
from service.resources.metrics import Metrics
from service.resources.scratch import Scratch
from service.use_cases import same_scans
from service.use_cases.received_file import ReceivedFile
from service.use_cases.same_scans import SameScans
from service.use_cases.scan_intake import ScanIntake, ScanSelection
from service.use_cases.uploaded_masks import UploadedMasks
from tests.support.dicom.files import enhanced, picture
from tests.support.dicom.mr_series import as_bytes, series
from tests.support.waiting import PATIENCE_S

Send = Callable[..., StoredScan]


@pytest.fixture
def intake(tmp_path: Path) -> Iterator[ScanIntake]:
    repository = Repository(Settings(data=tmp_path / "data").database)
    repository.migrate()
    scratch, blobs = Scratch(tmp_path / "scratch"), FolderBlobs(tmp_path / "blobs")
    yield ScanIntake(
        scans=repository.scans,
        blobs=blobs,
        scratch=scratch,
        limits=Limits(),
        metrics=Metrics(),
        same=SameScans(repository.scans, blobs, Limits(), scratch.folder),
        masks=UploadedMasks(repository.scans, repository.uploaded_masks, blobs, scratch, Limits()),
        secret=lambda _: b"secret",
    )
    scratch.close()
    repository.close()


@pytest.fixture
def send(intake: ScanIntake, tmp_path: Path) -> Send:
    def take(files: list[bytes], project: str = "ada", **wanted: Any) -> StoredScan:
        with intake.scratch.subfolder() as folder:
            received = []
            for number, content in enumerate(files):
                path = folder / f"{number}"
                path.write_bytes(content)
                received.append(ReceivedFile(path, f"{number}.dcm", len(content)))
            (taken,) = intake.take_in(project, received, ScanSelection(**wanted)).taken
        return taken.scan

    return take


def plain(images: list[Dataset]) -> list[bytes]:
    return [as_bytes(image) for image in images]


def with_meta(image: Dataset) -> Dataset:
    """As a storage SCP writes it: other file meta information, and the sender in it."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = image.file_meta.TransferSyntaxUID
    meta.SourceApplicationEntityTitle = "SCANNER"
    meta.ImplementationVersionName = "ANOTHER"
    image.file_meta = meta
    return image


def in_syntax(syntax: str) -> Callable[[Dataset], Dataset]:
    def change(image: Dataset) -> Dataset:
        if syntax == RLELossless:
            image.compress(RLELossless, generate_instance_uid=False)
            return image
        if syntax == ExplicitVRBigEndian:
            image.PixelData = image.pixel_array.byteswap().tobytes()
        image.file_meta.TransferSyntaxUID = UID(syntax)
        return image

    return change


def archived(image: Dataset) -> Dataset:
    """With what archives add, and the empty attributes that they leave out."""
    image.RetrieveAETitle = "ARCHIVE"
    image.private_block(0x0033, "AN ARCHIVE", create=True).add_new(0x01, "LO", "kept")
    del image.ScanOptions, image.PositionReferenceIndicator
    return image


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        with_meta,
        in_syntax(ImplicitVRLittleEndian),
        in_syntax(DeflatedExplicitVRLittleEndian),
        in_syntax(ExplicitVRBigEndian),
        in_syntax(RLELossless),
        archived,
    ],
    ids=["meta", "implicit", "deflated", "big-endian", "rle", "archived"],
)
def test_other_files_of_the_same_series_are_the_same_scan(
    send: Send, intake: ScanIntake, change: Callable[[Dataset], Dataset]
) -> None:
    """pydicom reads the same pixels from both; the bytes differ."""
    first = send(plain(series(4, 16)))
    changed = [change(image) for image in series(4, 16)][::-1]
    files = []
    for image in changed:
        path = intake.scratch.folder / "one"
        dcmwrite(path, image, enforce_file_format=True)
        files.append(path.read_bytes())
        other = next(n for n in series(4, 16) if n.SOPInstanceUID == image.SOPInstanceUID)
        assert (dcmread(path).pixel_array == other.pixel_array).all()
        assert files[-1] != as_bytes(other)
    kept = set(intake.scratch.folder.parent.joinpath("blobs").rglob("*"))
    assert send(files) == first
    assert set(intake.scratch.folder.parent.joinpath("blobs").rglob("*")) == kept
    assert send(files, project="bob").id != first.id


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"PatientName": "Nobody^Nora"},
        {"PatientID": "4712"},
        {"AccessionNumber": "ACC-98"},
        {"StudyInstanceUID": "2.25.77"},
        {"StudyDate": "20260303"},
        {"FrameOfReferenceUID": "2.25.78"},
        {"PatientIdentityRemoved": "YES"},
        {"PixelSpacing": [1.0, 1.0001]},
        {"RescaleSlope": 2, "RescaleIntercept": 0},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_series_whose_results_would_differ_is_another_scan(
    send: Send, changes: dict[str, Any]
) -> None:
    """A result is never written for the patient, the study or the geometry of earlier files."""
    first, second = send(plain(series(4, 16))), send(plain(series(4, 16, **changes)))
    assert first.series == second.series
    assert first.id != second.id
    assert send(plain([with_meta(n) for n in series(4, 16, **changes)])) == second
    assert send(plain([with_meta(n) for n in series(4, 16)])) == first


def test_one_voxel_or_one_image_makes_another_scan(send: Send) -> None:
    first = send(plain(series(4, 16)))
    images = series(4, 16)
    images[2].PixelData = images[2].PixelData[:-1] + bytes([images[2].PixelData[-1] ^ 1])
    second = send(plain(images))
    images = series(4, 16)
    images[1].SOPInstanceUID = images[1].file_meta.MediaStorageSOPInstanceUID = UID("2.25.99")
    third = send(plain(images))
    fourth = send(plain(series(5, 16)))
    assert len({scan.id for scan in (first, second, third, fourth)}) == 4
    assert [len(scan.warnings) for scan in (first, second, third, fourth)] == [0, 1, 0, 0]
    assert "same SOP Instance UIDs" in second.warnings[0]


def test_a_resampled_series_is_not_taken_for_other_content(send: Send) -> None:
    images = series(4, 16)
    images[3].ImagePositionPatient = [-16.0, -20.0, 6.0]
    with pytest.raises(BadInput):
        send(plain(images))
    assert not any("UIDs" in text for text in send(plain(images), resample=True).warnings)


def test_two_images_of_an_upload_with_one_uid_and_other_pixels_are_refused(send: Send) -> None:
    images = series(3)
    changed = copy.deepcopy(images[1])
    changed.PixelData = bytes(len(changed.PixelData) - 1) + b"\7"
    with pytest.raises(BadInput, match="same SOP Instance UID"):
        send(plain([*images, changed]))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["enhanced", "picture"])
def test_one_file_is_the_same_scan_as_well(send: Send, kind: str) -> None:
    """An enhanced volume, and an image without a place."""
    values = np.random.default_rng(3).integers(0, 900, (6, 5, 4), np.int16)
    whole = enhanced([values], np.eye(4)) if kind == "enhanced" else picture(values[..., 0])
    first = send(plain([whole]))
    assert send(plain([with_meta(whole)])) == first
    assert send(plain([in_syntax(ImplicitVRLittleEndian)(whole)])) == first
    whole.AccessionNumber = "ANOTHER"
    assert send(plain([whole])) != first


def test_images_without_a_uid(send: Send) -> None:
    """They are compared by their voxels, as a fuzzer found that they were not accepted."""

    def without(content: bytes) -> bytes:
        assert b"\x08\x00\x18\x00UI" in content
        return content.replace(b"\x08\x00\x18\x00UI", b"\x08\x00\x19\x00UI")

    one, other = (without(content) for content in plain(series(2, 16)))
    again = without(as_bytes(with_meta(series(2, 16)[0])))
    first = send([one])
    assert again != one
    assert send([again]) == first
    assert send([other]) != first


def test_identifiers_of_an_unknown_kind(send: Send) -> None:
    """Given value representations that do not exist, as a fuzzer found them."""
    (content,) = plain(series(1, 16))
    number = b"\x08\x00\x50\x00"
    assert number + b"SH" in content
    damaged = [content.replace(number + b"SH", number + kind) for kind in (b"S\x7f", b"S\x7e")]
    first = send([damaged[0]])
    assert send([damaged[1]]) == first
    assert send([content]) != first


def test_equal_frames_of_a_cine_are_scans_of_their_own(send: Send, intake: ScanIntake) -> None:
    """A result refers to the frame that was chosen."""
    cine = picture(np.zeros((4, 5), np.uint8))
    cine.SOPClassUID = cine.file_meta.MediaStorageSOPClassUID = UltrasoundMultiFrameImageStorage
    cine.NumberOfFrames = 3
    cine.PixelData = cine.PixelData * 3
    frames = [send(plain([cine]), volume=number) for number in (1, 2, 3)]
    assert len({scan.id for scan in frames}) == 3
    again = [send(plain([with_meta(cine)]), volume=number) for number in (1, 2, 3)]
    assert again == frames


def test_volumes_of_one_series_are_not_compared_with_each_other(
    send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given 150 time points, intake would otherwise read each of them 150 times."""
    opened: list[object] = []

    def counted(*arguments: Any) -> Any:
        opened.append(arguments)
        return open_scan(*arguments)

    monkeypatch.setattr(same_scans, "open_scan", counted)
    images = series(4, 16)
    for number, image in enumerate(images):
        image.EchoTime = str(number % 2 + 1)
        image.ImagePositionPatient = [0, 0, number // 2]
    volumes = [send(plain(images), stack=stack) for stack in (1, 2)]
    assert volumes[0].id != volumes[1].id
    assert opened == []
    assert [send(plain(images), stack=stack) for stack in (1, 2)] == volumes


def test_a_scan_of_an_earlier_version_is_found_again(send: Send, intake: ScanIntake) -> None:
    """Its row has no checksum of its images."""
    first = send(plain(series(4, 16)))
    with intake.scans._database.write() as connection:
        connection.execute(update(scans).values(images=None))
    images = series(4, 16)
    images[1].SOPInstanceUID = images[1].file_meta.MediaStorageSOPInstanceUID = UID("2.25.99")
    assert send(plain(images)).id != first.id, "equal voxels of other images"
    assert send(plain([with_meta(n) for n in series(4, 16)])).id == first.id


def test_a_deidentified_series_is_never_the_original(send: Send) -> None:
    first = send(plain(series(4, 16)))
    hidden = send(plain(series(4, 16)), deidentify=True)
    assert hidden.id != first.id
    assert send(plain([with_meta(n) for n in series(4, 16)]), deidentify=True) == hidden


def test_several_ways_at_once_make_one_scan(
    send: Send, intake: ScanIntake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given uploads that see no stored scan yet, all but one compare again when they store."""
    ways = [lambda n: n, with_meta, in_syntax(ImplicitVRLittleEndian), in_syntax(RLELossless)]
    barrier, seen = threading.Barrier(len(ways)), threading.local()
    of_images = SameScans.of_images

    def together(self: SameScans, *arguments: Any) -> Any:
        found = of_images(self, *arguments)
        if not hasattr(seen, "first"):
            seen.first = True
            barrier.wait(PATIENCE_S)
        return found

    monkeypatch.setattr(SameScans, "of_images", together)
    sent = [plain([way(image) for image in series(4, 16)]) for way in ways]
    found: list[StoredScan] = []
    threads = [threading.Thread(target=lambda f=f: found.append(send(f))) for f in sent]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({scan.id for scan in found}) == 1
    assert len(found) == len(ways)
    assert len(intake.scans.page("ada")[0]) == 1
