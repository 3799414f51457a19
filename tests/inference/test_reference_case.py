"""A machine's masks are compared with the one that the network gave in its original software."""

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from imaging.errors import BadModel
from imaging.scan import in_memory
from inference.device import Device
from inference.engine import Engine
from inference.reference_outcome import ReferenceOutcome, compared
from models.card_parts import Instances
from models.reference import Agreement, Reference
from models.registry import Model, Registry
from tests.support import cards, convolutions
from tests.support.reference_cases import add_reference, nifti, one_pass, smooth_noise

FP32 = Device("cpu", "fp32")
REFERENCE = Reference(scans=("reference.nii.gz",), mask="mask.nii.gz", sha256="0" * 64)


def outcome(given: Any, computed: Any, device: Device = FP32, **fields: Any) -> ReferenceOutcome:
    card = cards.card("solid", 3, "t1").model_copy(update={"reference": REFERENCE, **fields})
    return compared(in_memory(np.asarray(given)[np.newaxis]), computed, card, device, 1.0)


def block(size: int, lost: int = 0) -> np.ndarray:
    """Label 1 in `size` voxels of a million, but for the first `lost`."""
    mask = np.zeros(1_000_000, np.uint8)
    mask[lost:size] = 1
    return mask.reshape(100, 100, 100)


@pytest.mark.parametrize(
    ("precision", "size", "lost", "passes"),
    [
        ("fp32", 500_000, 90, True),  # Dice 1 - 90 / 999,910
        ("fp32", 500_000, 110, False),
        ("bf16", 500_000, 900, True),
        ("bf16", 500_000, 1100, False),
        ("fp32", 1_000, 10, True),  # few enough for ties, although Dice is 0.995
        ("fp32", 1_000, 11, False),
        ("fp32", 100, 10, False),  # as few, but a tenth of the label
    ],
)
def test_what_is_required(precision: str, size: int, lost: int, passes: bool) -> None:
    result = outcome(block(size), block(size, lost), Device("openvino", precision))
    assert result.passed is passes
    assert (result.differing, result.voxels) == (lost, 1_000_000)
    assert result.dice == {"1": 2 * (size - lost) / (2 * size - lost)}


def test_a_label_in_one_of_the_masks_only_fails() -> None:
    for masks in ((block(500), block(0)), (block(0), block(500))):
        result = outcome(*masks)
        assert result.dice == {"1": 0.0}
        assert "label 1 (thing)" in result.failure


def test_the_fraction_of_equal_voxels_counts_as_well() -> None:
    loose = REFERENCE.model_copy(update={"fp32": Agreement(dice=0, equal=0.9999)})
    result = outcome(block(500_000), block(500_000, 101), reference=loose)
    assert "101 of 1,000,000 voxels" in result.failure
    assert "99.99%" in result.failure


def test_numbers_of_objects_are_compared_as_objects() -> None:
    given = np.zeros((20, 20, 20), np.uint16)
    given[2:8], given[12:18] = 5, 9
    other = np.where(given == 9, 2, given)
    together = np.where(given > 0, 1, 0)
    numbered: dict[str, Any] = {"instances": Instances(seed=1, rim=1)}
    assert outcome(given, other, **numbered).passed
    fails = outcome(given, together, **numbered)
    assert fails.dice == {"1": 1.0, "objects": 0.0}
    assert "single objects" in fails.failure


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    convolutions.network(tmp_path / "models" / "small", "small", 4)
    return tmp_path / "models" / "small"


def engine(folder: Path, cache: Path, device: str = "cpu") -> Engine:
    registry = Registry(folder.parent, zoo=folder / "none")
    return Engine(registry, device, threads=1, cache=cache)


def segmented(engine: Engine, tmp_path: Path) -> Any:
    (tmp_path / "scan.nii").write_bytes(nifti(smooth_noise(24, seed=8)))
    return engine.segment({"image": tmp_path / "scan.nii"}, "small", tmp_path / "out").report


def test_jobs_say_whether_the_case_passes(folder: Path, tmp_path: Path) -> None:
    values = smooth_noise(24)
    mask = one_pass(folder / "model.onnx", values)
    model = add_reference(folder, values, mask)
    first = engine(folder, tmp_path / "cache")
    assert not first.is_verified(model)
    assert segmented(first, tmp_path)["reference"] == "not run"
    (result,) = first.verify(model)
    assert result.passed
    assert result.differing == 0
    later = engine(folder, tmp_path / "cache")  # another process
    assert later.is_verified(model)
    report = segmented(later, tmp_path)
    assert report["reference"] == "passed"
    assert not [text for text in report["warnings"] if "reference" in text]

    wrong = add_reference(folder, values, np.flip(mask, 0).copy())  # the mask of a turned scan
    assert not later.is_verified(wrong)
    (result,) = later.verify(wrong)
    assert not result.passed
    report = segmented(engine(folder, tmp_path / "cache"), tmp_path)
    assert report["reference"] == "failed"
    assert any("label 1 (a) of the reference case" in text for text in report["warnings"])


def test_another_card_is_run_again(folder: Path, tmp_path: Path) -> None:
    """The mask depends on more of the card than its network."""
    values = smooth_noise(24)
    model = add_reference(folder, values, one_pass(folder / "model.onnx", values))
    own = engine(folder, tmp_path / "cache")
    assert own.verify(model)[-1].passed
    turned = Model(model.card.model_copy(update={"orientation": "LPS"}), folder)
    assert not own.is_verified(turned)
    assert not own.verify(turned)[-1].passed


def test_files_that_are_not_those_that_were_given_are_refused(folder: Path, tmp_path: Path) -> None:
    values = smooth_noise(24)
    model = add_reference(folder, values, one_pass(folder / "model.onnx", values))
    own = engine(folder, tmp_path / "cache")
    (folder / "reference_mask.nii.gz").write_bytes(gzip.compress(nifti(values * 0)))
    with pytest.raises(BadModel, match="not those that were given"):
        own.verify(model)
    (folder / "reference.nii.gz").unlink()
    with pytest.raises(BadModel, match=r"no reference\.nii\.gz"):
        own.verify(model)


@pytest.mark.slow
@pytest.mark.bf16
def test_jobs_use_fp32_until_the_case_was_run(folder: Path, tmp_path: Path) -> None:
    """The case is the model's sample, and no job waits for it."""
    values = smooth_noise(24)
    model = add_reference(folder, values, one_pass(folder / "model.onnx", values))
    own = engine(folder, tmp_path / "cache", "openvino")
    ready = own.prepare(model)
    assert (ready.device.precision, ready.reference) == ("fp32", None)
    assert ready.verdict is not None
    assert "was not run here yet" in ready.verdict.reason
    assert own.is_prepared(model)
    assert not own.is_verified(model)
    own.verify(model)
    assert own.is_verified(model)
    checked = own.prepare(model).verdict
    assert checked is not None
    assert "the agreement of the sample's mask with fp32" in checked.reason


@pytest.mark.slow
@pytest.mark.bf16
def test_a_network_that_fails_in_bf16_runs_in_fp32(folder: Path, tmp_path: Path) -> None:
    """Its recorded accuracy permits bf16, the reference does not."""
    values = smooth_noise(48)
    model = add_reference(folder, values, one_pass(folder / "model.onnx", values))
    own = engine(folder, tmp_path / "cache", "openvino")
    sample = own.compare_sample(model)
    assert sample.similarity.lowest < 0.999
    accuracy = {
        "network_sha256": model.card.sha256, "precision": "bf16", "measured_on": "here",
        "cases": 1, "data": "", "fp32": {"dice": 1}, "lower": {"dice": 1},
        "sample_sha256": sample.sha256, "sample": dict(sample.similarity.scores), "margin": 0.1,
    }  # fmt: skip
    card = json.loads((folder / "card.json").read_bytes()) | {"accuracy": accuracy}
    (folder / "card.json").write_text(json.dumps(card))
    model = Registry(folder.parent, zoo=folder / "none").network("small")
    lower, exact = own.verify(model)
    assert (lower.precision, lower.passed) == ("bf16", False)
    assert (exact.precision, exact.passed) == ("fp32", True)
    ready = engine(folder, tmp_path / "cache", "openvino").prepare(model)
    assert ready.device.precision == "fp32"
    assert ready.verdict is not None
    assert ready.verdict.reason == lower.failure
    assert ready.reference == replace(exact, dice=dict(exact.dice))
    assert segmented(own, tmp_path)["reference"] == "passed"


def test_the_stored_copy_has_the_same_voxels(folder: Path) -> None:
    values = smooth_noise(24)
    model = add_reference(folder, values, one_pass(folder / "model.onnx", values))
    stored = nibabel.load(model.folder / "reference.nii.gz")
    assert np.array_equal(np.asarray(stored.dataobj), values)
    assert stored.get_data_dtype() == np.float32
