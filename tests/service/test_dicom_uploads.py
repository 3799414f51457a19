"""DICOM over the wire: series of many files, studies in a zip, and whatever else files hold."""

import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import httpx
import nibabel as nib
import numpy as np
import pytest
from pydicom import filereader
from pydicom.uid import UltrasoundMultiFrameImageStorage

from imaging.formats.limits import Limits
from jobs.blobs.folder import FolderBlobs
from jobs.repository import Repository
from jobs.settings import Settings
from service.resources.metrics import Metrics
from service.resources.scratch import Scratch
from service.use_cases.received_file import ReceivedFile
from service.use_cases.same_scans import SameScans
from service.use_cases.scan_intake import ScanIntake
from service.use_cases.uploaded_masks import UploadedMasks
from tests.support.answers import check_problem
from tests.support.dicom.files import (
    DESCRIPTION,
    NUMBER,
    PATIENT,
    classic,
    picture,
    pydicom_files,
    write,
)
from tests.support.gateway import Gateway

FILES = [path for path in pydicom_files() if path.parent.name == "test_files"]
FLAT = 150 << 20


def _volume(seed: int = 0, slices: int = 7) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 900, (11, 9, slices), np.int16)


def _sent(gateway: Gateway, paths: list[Path], **query: Any) -> httpx.Response:
    files = [("files", (path.name, path.read_bytes())) for path in paths]
    return gateway.client.post("/v1/scans", files=files, params=query)


def test_a_series_of_many_files(gateway: Gateway, tmp_path: Path) -> None:
    """The files of a series are one scan, whatever their order; a NIfTI for viewers is made."""
    images = classic(_volume(), np.diag([1.0, 1, 2, 1]))
    paths = write(images, tmp_path)
    first = _sent(gateway, paths)
    assert first.status_code == 201, first.text
    told = first.json()
    assert (told["format"], told["shape"], told["name"]) == (
        "dicom",
        [1, 11, 9, 7],
        "MR series 3, 7 slices",
    )
    assert told["series"] == images[0].SeriesInstanceUID
    again = _sent(gateway, paths[::-1])
    assert (again.status_code, again.json()["id"]) == (200, told["id"])
    volume = gateway.client.get(f"/v1/scans/{told['id']}/volume")
    assert volume.status_code == 200
    assert volume.content[:2] == b"\x1f\x8b"
    log = gateway.log.read_text()
    for secret in (PATIENT, "Norma", NUMBER, DESCRIPTION, str(images[0].SeriesInstanceUID)):
        assert secret not in log


def test_a_study_lists_its_series(gateway: Gateway, tmp_path: Path) -> None:
    one, two = classic(_volume(1), np.eye(4)), classic(_volume(2, 5), np.eye(4), SeriesNumber=8)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for n, path in enumerate(write([*one, *two], tmp_path)):
            archive.write(path, f"{PATIENT}/{n}")
    study = {"files": ("study.zip", packed.getvalue())}
    problem = check_problem(gateway.client.post("/v1/scans", files=study), 422, "Norma")
    assert problem["type"] == "urn:tessera:several-scans"
    choices = problem["choices"]
    assert isinstance(choices, list)
    assert sorted(choice["slices"] for choice in choices) == [5, 7]
    wanted = next(choice for choice in choices if choice["slices"] == 5)
    query = {"series": wanted["series"], "stack": wanted["stack"]}
    chosen = gateway.client.post("/v1/scans", files=study, params=query)
    assert chosen.status_code == 201
    assert chosen.json()["name"] == "study.zip: MR series 8, 5 slices"
    every = gateway.client.post("/v1/scans", files=study, params={"each": True})
    assert every.status_code == 201
    assert [scan["shape"][3] for scan in every.json()["scans"]] == [7, 5]
    assert every.json()["refused"] == []


def test_slices_at_one_position_are_a_problem_that_no_resampling_solves(
    gateway: Gateway, tmp_path: Path
) -> None:
    """Given other pixels, it has another type than gaps have, and no word of resampling."""
    images = classic(_volume(3), np.eye(4))
    images[4].ImagePositionPatient = images[3].ImagePositionPatient
    images[4].InstanceNumber = images[3].InstanceNumber
    paths = write(images, tmp_path)
    for query in ({}, {"resample": True}):
        problem = check_problem(_sent(gateway, paths, **query), 422, "Norma")
        assert problem["type"] == "urn:tessera:broken-geometry"
        assert "same position" in str(problem["detail"])
        assert "resampl" not in str(problem)


def test_a_gap_is_refused_with_its_figures(gateway: Gateway, tmp_path: Path) -> None:
    kept = gateway.kept()
    images = classic(_volume(3), np.eye(4))
    problem = check_problem(_sent(gateway, write(images[:3] + images[4:], tmp_path)), 422, "Norma")
    assert problem["type"] == "urn:tessera:uneven-slices"
    assert "gaps of 1.00 to 2.00 mm" in str(problem["detail"])
    assert gateway.kept() == kept
    resampled = _sent(gateway, write(images[:3] + images[4:], tmp_path), resample=True)
    assert resampled.status_code == 201
    assert "resampled" in resampled.json()["warnings"][0]


def test_a_series_is_deidentified_on_the_way_in(gateway: Gateway, tmp_path: Path) -> None:
    """Nothing of the patient is kept, the geometry is, and the same series is the same scan."""
    images = classic(_volume(6), np.diag([1.0, 1, 2, 1]), Modality="MR")
    paths = write(images, tmp_path)
    answer = _sent(gateway, paths, deidentify=True)
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert told["series"].startswith("2.25.")
    assert told["series"] != images[0].SeriesInstanceUID
    assert _sent(gateway, paths[::-1], deidentify=True).json()["id"] == told["id"]
    stored = (gateway.data / "blobs" / told["sha256"][:2] / told["sha256"]).read_bytes()
    for secret in (PATIENT, "Norma", NUMBER, DESCRIPTION, "19700203", "20200102"):
        assert secret.encode() not in stored
        assert secret not in str(told)
    for image in images:
        assert str(image.SOPInstanceUID).encode() not in stored
    plain = _sent(gateway, paths).json()
    assert (plain["shape"], plain["affine"]) == (told["shape"], told["affine"])
    alone = _sent(gateway, paths[:1], deidentify=True).json()
    assert "Norma" not in alone["name"]
    refused = gateway.client.post(
        "/v1/scans", files={"files": ("a.nii", b"x" * 500)}, params={"deidentify": True}
    )
    check_problem(refused, 422)


def test_a_frame_of_a_cine_is_chosen(gateway: Gateway, tmp_path: Path) -> None:
    """The frames are listed; one becomes an image, which the same choice finds again."""
    frames = np.random.default_rng(5).integers(0, 255, (3, 8, 6, 3), np.uint8)
    image = picture(frames[0], SOPClassUID=UltrasoundMultiFrameImageStorage, Modality="US")
    image.NumberOfFrames, image.PixelData = 3, frames.tobytes()
    paths = write([image], tmp_path)
    refused = _sent(gateway, paths)
    check_problem(refused, 422)
    choices = refused.json()["choices"]
    assert [one["volume"] for one in choices] == [1, 2, 3]
    chosen = {name: choices[1][name] for name in ("series", "stack", "volume")}
    told = _sent(gateway, paths, **chosen).json()
    assert told["shape"] == [3, 8, 6]
    assert told["name"].endswith("US series 3, frame 2 of 3")
    assert _sent(gateway, paths, volume=2).json()["id"] == told["id"]
    shown = nib.Nifti1Image.from_bytes(
        gzip.decompress(gateway.client.get(f"/v1/scans/{told['id']}/volume").content)
    )
    assert shown.shape[:2] in ((6, 8), (8, 6))
    hidden = _sent(gateway, paths, volume=2, deidentify=True).json()
    assert (hidden["series"] != told["series"], hidden["name"]) == (
        True,
        "US series 3, frame 2 of 3",
    )
    assert any("burned" in warning for warning in hidden["warnings"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_every_file_of_pydicom(gateway: Gateway, path: Path) -> None:
    """A scan, whose pixels are there or are said not to be, or a problem; never a failure."""
    gateway.forget_peak()
    before = gateway.peak_bytes()
    answer = gateway.client.post("/v1/scans", files={"files": (path.name, path.read_bytes())})
    if answer.status_code not in (200, 201):
        check_problem(answer, answer.status_code, "CompressedSamples")
        assert answer.status_code in (413, 415, 422)
        assert {"expected", "hint"} <= set(answer.json())
    else:
        volume = gateway.client.get(f"/v1/scans/{answer.json()['id']}/volume")
        assert volume.status_code == 200 or check_problem(volume, 422)
    assert gateway.peak_bytes() - before < FLAT


def test_all_files_of_pydicom_in_one_zip(gateway: Gateway) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for n, path in enumerate(FILES):
            archive.write(path, f"{n}/{path.name}")
    study = {"files": ("all.zip", packed.getvalue())}
    gateway.forget_peak()
    before = gateway.peak_bytes()
    listed = check_problem(gateway.client.post("/v1/scans", files=study), 422)
    assert len(list(listed["choices"])) > 30  # type: ignore[call-overload]
    every = gateway.client.post("/v1/scans", files=study, params={"each": True})
    assert every.status_code == 201, every.text
    assert len(every.json()["scans"]) > 30
    for refused in every.json()["refused"]:
        assert refused["problem"]["detail"]
    assert gateway.peak_bytes() - before < FLAT


def test_intake_parses_each_header_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a series of seven files, its row is stored after seven parses of a header."""
    settings = Settings(data=tmp_path / "data")
    settings.data.mkdir()
    repository = Repository(settings.database)
    repository.migrate()
    scratch, blobs = Scratch(tmp_path / "scratch"), FolderBlobs(tmp_path / "blobs")
    intake = ScanIntake(
        scans=repository.scans,
        blobs=blobs,
        scratch=scratch,
        limits=Limits(),
        metrics=Metrics(),
        same=SameScans(repository.scans, blobs, Limits(), scratch.folder),
        masks=UploadedMasks(repository.scans, repository.uploaded_masks, blobs, scratch, Limits()),
        secret=lambda _: b"secret",
    )
    paths = write(classic(_volume(), np.diag([1.0, 1, 2, 1])), tmp_path / "sent")
    files = [ReceivedFile(path, path.name, path.stat().st_size) for path in paths]
    headers: list[object] = []
    parse = filereader.read_partial

    def counted(*arguments: Any, **options: Any) -> Any:
        headers.append(parse(*arguments, **options))
        return headers[-1]

    monkeypatch.setattr(filereader, "read_partial", counted)
    try:
        taken = intake.take_one("local", files)
    finally:
        scratch.close()
        repository.close()
    assert (taken.scan.shape, taken.created, len(headers)) == ((1, 11, 9, 7), True, 7)
