"""Less than fp32 is taken only by networks whose masks bear it, as this machine has seen."""

import gc
import json
import os
import time
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from imaging.errors import BadModel, Unavailable
from imaging.scan import Scan
from inference import sample_scans as samples
from inference import session_cache
from inference.device import Device, available
from inference.engine import Engine
from inference.kept_results import KeptResults
from inference.mask_similarity import Similarity, compare_masks
from inference.options import RunOptions
from inference.precision_gate import PrecisionGate, SampleComparison, Verdict, judge
from inference.sample_scans import sample_scans, sample_sha256
from inference.session_cache import Measurement, SessionCache
from models.accuracy import Accuracy
from models.card_parts import Sample
from models.nets.config import UNetConfig
from models.registry import Model, Registry

BF16 = Device("openvino", "bf16")
SMALL = UNetConfig.of_widths((4, 6), dimension=3, out_channels=3, padding="same")


SHIPPED = [model.card.name for model in Registry().all()]


def shipped(name: str = "hippocampus-mri-3d", **fields: Any) -> Model:
    """A network of the zoo; `fields` are those of its card that differ."""
    model = Registry().network(name)
    return Model(model.card.model_copy(update=fields), model.folder)


def card(name: str = "hippocampus-mri-3d", **fields: Any) -> Any:
    return shipped(name, **{"accuracy": None, **fields}).card


def masks(exact: np.ndarray, reduced: np.ndarray, made: list[Device]) -> Callable[..., Any]:
    def mask(device: Device, scans: Mapping[str, Scan]) -> np.ndarray:
        assert list(scans) == ["t1"]
        made.append(device)
        return exact if device.precision == "fp32" else reduced

    return mask


def verdict_on(similarity: Similarity, card: Any, sha256: str = "5" * 64) -> Verdict:
    return judge(SampleComparison("bf16", sha256, similarity), card)


def block(size: int, lost: int = 0) -> np.ndarray:
    """Label 1 in `size` voxels of a million, but for the first `lost`; label 2 in 3,000 more."""
    mask = np.zeros(1_000_000, np.uint8)
    mask[lost:size] = 1
    mask[-3000:] = 2
    return mask


@pytest.mark.parametrize(
    ("reduced", "passes"),
    [
        (block(10_000), True),
        (block(10_000, 19), True),  # Dice 1 - 19 / 19,981
        (block(10_000, 21), False),
        (np.where(block(10_000) == 2, 1, block(10_000)), False),  # a label is gone
    ],
)
def test_every_label_counts(reduced: np.ndarray, passes: bool) -> None:
    """Without a record."""
    similarity = compare_masks(block(10_000), reduced, card())
    assert verdict_on(similarity, card()).passed is passes


def test_numbers_of_objects_need_not_agree() -> None:
    exact = np.array([[0, 1, 0, 2], [0, 1, 0, 2]])
    other = np.where(exact == 1, 7, exact)
    nuclei = card("nuclei-2d")
    for reduced, objects, passes in (
        (other, 1.0, True),
        (exact * 0, 0.0, False),
        (exact.clip(0, 1), 0.0, False),  # the same voxels, but two objects have become one
    ):
        similarity = compare_masks(exact, reduced, nuclei)
        assert similarity.scores["objects"] == objects
        assert verdict_on(similarity, nuclei).passed is passes


def test_a_sample_without_anything_tells_nothing() -> None:
    nothing = np.zeros((4, 4), np.uint8)
    verdict = verdict_on(compare_masks(nothing, nothing, card()), card())
    assert not verdict.passed
    assert "no label" in verdict.reason


def accuracy(**fields: Any) -> Accuracy:
    """A record of the hippocampus network."""
    usual = {
        "network_sha256": card().sha256,
        "precision": "bf16",
        "measured_on": "a machine",
        "cases": 32,
        "data": "cases of others",
        "fp32": {"dice": 0.8878, "dice_1": 0.9},
        "lower": {"dice": 0.8878, "dice_1": 0.8991},
        "sample_sha256": "5" * 64,
        "sample": {"1": 0.993, "2": 0.998},
        "margin": 0.002,
    }
    return Accuracy.model_validate(usual | fields)


@pytest.mark.parametrize(
    ("scores", "absent", "record", "passes", "reason"),
    [
        ({"1": 0.9911, "2": 0.9961}, (), {}, True, "32 cases"),
        ({"1": 0.9909, "2": 0.9999}, (), {}, False, "label 1: 0.9909, at least 0.9910"),
        ({"1": 0.9999, "2": 0.9959}, (), {}, False, "label 2"),
        ({"1": 0.9909, "2": 0.998}, (), {"margin": 0.003}, True, "32 cases"),
        ({"2": 0.998}, (1,), {}, False, "does not predict the label 1"),
        ({"1": 1.0, "2": 1.0}, (), {"lower": {"dice": 0.8878, "dice_1": 0.898}}, False, "dice_1"),
        # a record of something else: the strict rule applies, and the reason says so
        ({"1": 0.993, "2": 0.998}, (), {"network_sha256": "0" * 64}, False, "another network"),
        ({"1": 0.993, "2": 0.998}, (), {"sample_sha256": "0" * 64}, False, "another sample"),
        ({"1": 0.9991, "2": 0.9991}, (), {"network_sha256": "0" * 64}, True, "another network"),
    ],
)
def test_recorded_accuracy_decides(
    scores: dict[str, float],
    absent: tuple[int, ...],
    record: dict[str, Any],
    passes: bool,
    reason: str,
) -> None:
    verdict = verdict_on(Similarity(0.9999, scores, absent), card(accuracy=accuracy(**record)))
    assert verdict.passed is passes
    assert reason in verdict.reason


def test_verdicts_are_kept_for_later_processes(tmp_path: Path) -> None:
    made: list[Device] = []
    strict = shipped(accuracy=None)
    ask = masks(block(9000), block(9000, 500), made)
    verdict = PrecisionGate(KeptResults(tmp_path / "v")).verdict(strict, BF16, ask)
    assert not verdict.passed
    assert made == [BF16, Device("openvino", "fp32")]
    assert PrecisionGate(KeptResults(tmp_path / "v")).verdict(strict, BF16, ask) == verdict
    assert len(made) == 2
    (path,) = (tmp_path / "v").iterdir()
    path.write_text("torn")
    assert PrecisionGate(KeptResults(tmp_path / "v")).verdict(strict, BF16, ask) == verdict
    assert len(made) == 4
    assert json.loads(path.read_text())["reason"] == verdict.reason
    for other in (shipped(accuracy=None, sha256="0" * 64), shipped(accuracy=accuracy())):
        PrecisionGate(KeptResults(tmp_path / "v")).verdict(other, BF16, ask)
    assert len(made) == 8  # another network, another record


def test_a_folder_that_cannot_be_written_costs_time_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    made: list[Device] = []
    gate, ask = (
        PrecisionGate(KeptResults(tmp_path / "file" / "v")),
        masks(block(9000), block(9000), made),
    )
    for _ in range(2):
        assert gate.verdict(shipped(accuracy=None), BF16, ask).passed
    assert len(made) == 2


@pytest.mark.parametrize("error", [BadModel("No."), Unavailable("No."), MemoryError("No.")])
def test_what_could_not_be_tried_is_not_taken_and_not_kept(
    error: Exception, tmp_path: Path
) -> None:
    def ask(_device: Device, _scans: object) -> np.ndarray:
        raise error

    verdict = PrecisionGate(KeptResults(tmp_path / "v")).verdict(shipped(), BF16, ask)
    assert not verdict.passed
    assert "No." in verdict.reason
    assert not (tmp_path / "v").exists()


@pytest.mark.slow
@pytest.mark.bf16
def test_a_trained_network_may_and_a_random_one_may_not(
    make_model: Callable[..., Model], tmp_path: Path
) -> None:
    """Through the engine: what runs, and that it says so."""
    trained = shipped()
    loose = make_model("loose", SMALL, sample=Sample(kind="noise", shape=(40, 40, 40)))
    for model, precision in ((trained, "bf16"), (loose, "fp32")):
        engine = Engine(Registry(), cache=tmp_path)
        scans = sample_scans(model)
        result = engine.run(scans, model)
        assert result.record.network.device == Device("openvino", precision)
        assert len(np.unique(result.mask)) > 1
        asked = RunOptions(precision="fp32")
        exact = engine.run(scans, model, asked)
        assert exact.record.network.device == Device("openvino", "fp32")


MNI152 = Sample(kind="package", image="nilearn:mni152-t1", start=(51, 84, 35), shape=(40, 56, 44))


def test_samples_are_the_same_on_every_machine() -> None:
    (scan,) = sample_scans(shipped(sample=MNI152)).values()
    assert (scan.grid, scan.spacing_mm) == ((40, 56, 44), (1.0, 1.0, 1.0))
    centre = scan.affine @ (20, 28, 22, 1)
    np.testing.assert_allclose(centre[:3], (-27, -22, -15))  # mm: the left hippocampus
    noise = shipped("nuclei-2d", sample=Sample(kind="noise", seed=3, shape=(20, 30)))
    one, other = (sample_scans(noise) for _ in range(2))
    assert one["image"].shape == (3, 20, 30)
    assert sample_sha256(one) == sample_sha256(other)
    changed = shipped("nuclei-2d", sample=Sample(kind="noise", seed=4, shape=(20, 30)))
    assert sample_sha256(one) != sample_sha256(sample_scans(changed))


@pytest.mark.parametrize("name", SHIPPED)
def test_samples_of_the_zoo_need_no_package(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a new installation."""
    monkeypatch.setattr(samples, "find_spec", lambda _name: None)
    assert len(sample_scans(shipped(name))) == 1


@pytest.mark.parametrize(
    ("told", "complaint"),
    [
        (None, "no sample"),
        (Sample(kind="package", image="nilearn:none"), "is unknown"),
        (Sample(kind="package", image="absent:image"), "not installed"),
        (Sample(kind="file", files=("absent.png",)), r"no absent\.png"),
    ],
)
def test_a_sample_that_cannot_be_had(
    told: Sample | None, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(samples._IMAGES, "absent:image", "*.png")
    with pytest.raises((BadModel, Unavailable), match=complaint):
        sample_scans(shipped(sample=told))


@pytest.mark.slow
@pytest.mark.parametrize("device", [Device(name, "fp32") for name in available()])
def test_a_network_is_measured_as_it_is_loaded(
    make_model: Callable[..., Model], device: Device
) -> None:
    """Working memory and pace; the arithmetic knows the former to a factor."""
    config = UNetConfig.of_widths((24, 32), dimension=3, out_channels=2, padding="same")
    loaded = SessionCache(1 << 40).get(make_model("measured", config), device)
    assert (loaded.measured.voxels_per_second or 0) > 1e3
    if loaded.measured.bytes_per_voxel is not None:
        feature = 4 * 24  # one fp32 map of the finest level
        assert feature < loaded.measured.bytes_per_voxel < 12 * feature
    image = np.zeros((1, 1, 96, 96, 96), np.float32)
    expected = loaded.session.run(image)
    full = resident()
    loaded.session.release_memory()
    if device.name == "openvino":  # the other runtime keeps nothing between tiles
        assert resident() < full - 2 * feature * 96**3
    np.testing.assert_array_equal(loaded.session.run(image), expected)


@pytest.mark.slow
def test_a_measurement_is_kept_for_later_processes(
    make_model: Callable[..., Model], tmp_path: Path
) -> None:
    """For a month; for as many threads; a file that cannot be read is measured again."""
    model = make_model("kept-measured", UNetConfig.of_widths((4, 6), dimension=2))
    device, folder = Device("cpu", "fp32"), tmp_path / "measured"

    def measured(threads: int = 1) -> Measurement:
        return SessionCache(1 << 40, threads, tmp_path).get(model, device).measured

    first = measured()
    (path,) = folder.iterdir()
    assert measured() == first
    path.write_text(json.dumps({"voxels_per_second": 5.0, "bytes_per_voxel": 123.0}))
    assert measured() == Measurement(5.0, 123.0)
    measured(threads=2)
    assert len(list(folder.iterdir())) == 2
    month_ago = time.time() - 30 * 86_400 - 1
    os.utime(path, (month_ago, month_ago))
    assert measured().bytes_per_voxel != 123.0
    for torn in ("torn", "[]", '{"speed": 1}'):
        path.write_text(torn)
        assert (measured().voxels_per_second or 0) > 5


def resident() -> int:
    return int(psutil.Process().memory_info().rss)


@pytest.mark.slow
def test_networks_of_removed_and_replaced_models_are_let_go(
    make_model: Callable[..., Model],
) -> None:
    """When another one is loaded: a worker would keep every model that it ever used."""
    stays, removed, replaced, other = (
        make_model(f"network-{n}", UNetConfig.of_widths((4, 6 + n), dimension=2)) for n in range(4)
    )
    device, sessions = Device(available()[-1], "fp32"), SessionCache(1 << 40)
    held = [weakref.ref(sessions.get(one, device).session) for one in (stays, removed, replaced)]
    removed.network.unlink()
    content = replaced.network.read_bytes()
    replaced.network.unlink()
    replaced.network.write_bytes(content)
    sessions.get(other, device)
    gc.collect()
    assert [one() is None for one in held] == [False, True, True]


@pytest.mark.slow
def test_the_least_used_network_is_let_go(make_model: Callable[..., Model]) -> None:
    first, second, third = (
        make_model(f"kept-{n}", UNetConfig.of_widths((4, 6 + n), dimension=2)) for n in range(3)
    )
    device = Device(available()[-1], "fp32")
    largest = max(model.network.stat().st_size for model in (first, second, third))
    sessions = SessionCache(2 * (session_cache._NETWORK_BYTES + 3 * largest))

    def loaded(model: Model) -> object:
        return sessions.get(model, device).session

    one, two = loaded(first), loaded(second)
    assert loaded(first) is one
    loaded(third)
    assert loaded(first) is one
    assert loaded(second) is not two
    alone = SessionCache(0)
    assert alone.get(first, device) is alone.get(first, device)
