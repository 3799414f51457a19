"""A reference case on the command line: import, add, verify, and what a segmentation says."""

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform

from models.card import ModelCard
from tests.support.command_line import run
from tests.support.convolutions import network
from tests.support.meshnets import meshnet, write_torch
from tests.support.reference_cases import nifti, one_pass, smooth_noise

LIA = "LIA"


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A MeshNet's folder, a scan, and the mask that torch gives for it, as its home turns it."""
    monkeypatch.setenv("TESSERA_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("TESSERA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TESSERA_DEVICE", "cpu")
    trained = meshnet()
    values = smooth_noise(24) * 30 + 100
    image = nibabel.Nifti1Image(values, np.eye(4))
    start, end = io_orientation(image.affine), axcodes2ornt(LIA)
    turned = image.as_reoriented(ornt_transform(start, end))
    unit = (turned.get_fdata(dtype=np.float32) - values.min()) / np.ptp(values)
    with torch.inference_mode():
        labels = trained(torch.from_numpy(unit)[None, None])[0].argmax(0).numpy()
    mask = nibabel.Nifti1Image(labels.astype(np.uint8), turned.affine)
    nibabel.save(image, tmp_path / "scan.nii.gz")
    nibabel.save(mask.as_reoriented(ornt_transform(end, start)), tmp_path / "mask.nii.gz")
    return write_torch(trained, tmp_path / "net")


def card_of(tmp_path: Path, name: str) -> ModelCard:
    return ModelCard.load(tmp_path / "data" / "models" / name / "card.json")


@pytest.mark.slow
def test_an_imported_network_gives_the_mask_of_its_home(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = tmp_path / "scan.nii.gz", tmp_path / "mask.nii.gz"
    status, printed = run(capsys, "models", "import", source, "--reference", *case)
    assert status == 0, printed
    assert "Reference case: passed" in printed
    assert "0 of 13,824 voxels differ (0.0000%)" in printed
    card = card_of(tmp_path, "net")
    assert card.sample is None  # that of the importer is replaced
    assert card.reference is not None
    status, printed = run(capsys, "models", "verify", "net")
    assert status == 0
    assert "1 Cerebral White Matter 1.00000" in printed
    _, printed = run(capsys, "models", "show", "net")
    assert "reference `tessera models verify` runs it" in printed


@pytest.mark.slow
def test_a_wrong_orientation_is_noticed_and_jobs_say_so(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = tmp_path / "scan.nii.gz", tmp_path / "mask.nii.gz"
    options = ("--orientation", "RAS", "--name", "turned", "--reference", *case)
    status, printed = run(capsys, "models", "import", source, *options)
    assert status == 1
    assert "tessera models remove turned" in printed
    assert "Reference case: FAILED. In fp32, label 1 (Cerebral White Matter)" in printed
    status, printed = run(capsys, "models", "verify", "turned")
    assert status == 1
    assert "FAILED" in printed
    report = tmp_path / "report.json"
    job = ("--model", "turned", "-o", tmp_path / "out.nii.gz", "--report", report)
    status, printed = run(capsys, "segment", case[0], *job)
    assert status == 0
    assert "does not give the mask of its reference case" in printed
    assert json.loads(report.read_text())["reference"] == "failed"


@pytest.mark.slow
def test_a_model_is_added_with_its_case(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TESSERA_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("TESSERA_DEVICE", "cpu")
    folder, values = tmp_path / "small", smooth_noise(24)
    network(folder, "small", 4)
    mask = one_pass(folder / "model.onnx", values)
    (tmp_path / "scan.nii").write_bytes(nifti(values))
    (tmp_path / "mask.nii").write_bytes(nifti(np.where(mask == 2, 5, mask)))
    case = ("--sample", f"image={tmp_path / 'scan.nii'}", "--sample-mask", tmp_path / "mask.nii")
    status, printed = run(capsys, "models", "add", folder, *case)
    assert status == 2
    assert "the value 5, which is not a label" in printed
    (tmp_path / "mask.nii").write_bytes(nifti(mask))
    status, printed = run(capsys, "models", "add", folder, *case)
    assert status == 0, printed
    assert "Reference case: passed" in printed
    assert card_of(tmp_path, "small").reference is not None


@pytest.mark.slow
def test_a_sample_alone_has_no_mask_to_compare_with(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--sample", tmp_path / "scan.nii.gz")
    status, printed = run(capsys, "models", "import", source, *options)
    assert status == 0, printed
    sample = card_of(tmp_path, "net").sample
    assert sample is not None
    assert (sample.kind, sample.files) == ("file", ("sample.nii.gz",))
    status, printed = run(capsys, "models", "verify", "net")
    assert status == 1
    assert "has no reference case" in printed
    assert "--reference SCAN MASK" in printed


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--reference", "a.nii", "b.nii", "--sample", "c.nii"], "Both --reference and --sample"),
        (["--sample-mask", "b.nii"], "without --sample"),
        (["--sample", "nothing.nii"], "does not exist"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    options: list[str], text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, printed = run(capsys, "models", "add", tmp_path, *options)
    assert status == 2
    assert text in printed
