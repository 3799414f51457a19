"""Real networks on this machine's runtime: the shipped ones run in bf16, harmed ones do not."""

import shutil
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from imaging.hashes import sha256_of
from inference.device import Device, choose
from inference.engine import Engine
from inference.networks.session import Session
from inference.options import UNCHECKED, RunOptions
from inference.ready_networks import ReadyNetwork
from inference.sample_scans import sample_scans, sample_sha256
from models.card import ModelCard
from models.registry import ZOO, Model, Registry

pytestmark = [pytest.mark.slow, pytest.mark.bf16]
SHIPPED = [model.card.name for model in Registry().all()]
NAME = "hippocampus-mri-3d"
HONEST = {"margin": 1.0, "fp32": {"dice": 0.9}, "lower": {"dice": 0.3}}
"""A record of a network that bf16 harms; the margin allows any similarity of the sample."""


def ready(model: Model, cache: Path, precision: str = "auto") -> ReadyNetwork:
    return Engine(Registry(), cache=cache).prepare(model, options=RunOptions(precision=precision))


def copied(folder: Path, name: str = NAME) -> Path:
    target = folder / name
    shutil.copytree(ZOO / name, target)
    return target


def changed(folder: Path, **accuracy: Any) -> Model:
    """The model in the folder, with another record in its card; its checksum is made right."""
    path = folder / "card.json"
    card = ModelCard.load(path)
    assert card.accuracy is not None
    record = card.accuracy.model_copy(update=accuracy)
    fields = {"sha256": sha256_of(folder / "model.onnx"), "accuracy": record}
    card.model_copy(update=fields).save(path)
    return Registry(zoo=folder.parent).network(card.name)


def harm(folder: Path) -> str:
    """Adds the same large number to all weights of the last layer; returns the new checksum.

    Every output changes by the same amount, so that no mask changes in fp32. bf16 has 8 bits and
    loses the differences between the weights.
    """
    path = folder / "model.onnx"
    network = onnx.load(path)
    (weights,) = (one for one in network.graph.initializer if one.name == "head.weight")
    weights.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weights) + 256, weights.name))
    onnx.save(network, path)
    return sha256_of(path)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_networks_run_in_bf16(name: str, cache: Path) -> None:
    """Each because its record applies, and says so; fp32 remains available."""
    model = Registry().network(name)
    network = ready(model, cache)
    assert network.device.precision == "bf16"
    assert network.verdict is not None
    assert network.verdict.passed
    assert "when the accuracy was recorded" in network.verdict.reason
    exact = ready(model, cache, "fp32")
    assert (exact.device.precision, exact.verdict) == ("fp32", None)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({}, "another network"),  # the record of the network as it was before
        ({"network_sha256": "harmed"}, "is less similar to fp32"),
        (HONEST | {"network_sha256": "harmed"}, "dice was 0.3000 on 32 cases, in fp32 0.9000"),
    ],
)
def test_a_network_that_bf16_harms_runs_in_fp32(
    record: dict[str, Any], reason: str, tmp_path: Path, cache: Path
) -> None:
    folder = copied(tmp_path)
    harmed = harm(folder)
    if record:
        record = record | {"network_sha256": harmed}
    network = ready(changed(folder, **record), cache)
    assert network.device.precision == "fp32"
    assert network.verdict is not None
    assert reason in network.verdict.reason


def test_the_harm_is_that_of_bf16(tmp_path: Path, cache: Path) -> None:
    """In fp32 the harmed network has the mask of the sound one; in bf16 it has not."""
    folder = copied(tmp_path)
    sound = Registry().network(NAME)
    harm(folder)
    harmed = changed(folder)
    scans = sample_scans(sound)
    engine = Engine(Registry(), cache=cache)
    exact, bad = (
        engine.run(scans, harmed, RunOptions(precision=precision)).mask
        for precision in ("fp32", UNCHECKED)
    )
    expected = engine.run(scans, sound, RunOptions(precision="fp32")).mask
    assert (exact != expected).sum() <= 5
    assert (bad != expected).sum() > 300


def test_a_sample_without_a_label_shows_too_little(tmp_path: Path, cache: Path) -> None:
    """The sample is cut so that its anterior half is missing."""
    folder = copied(tmp_path)
    path = folder / "sample.nii.gz"
    nibabel.save(nibabel.load(path).slicer[:, :24], path)
    model = Registry(zoo=tmp_path).network(NAME)
    verdict = ready(model, cache).verdict
    assert verdict is not None
    assert "another sample" in verdict.reason
    model = changed(folder, sample_sha256=sample_sha256(sample_scans(model)), margin=1.0)
    network = ready(model, cache)
    assert network.device.precision == "fp32"
    assert network.verdict is not None
    assert "does not predict the label 1" in network.verdict.reason


def test_unchecked_is_the_shortest_precision() -> None:
    assert choose("openvino", UNCHECKED).precision == "bf16"
    assert choose("cpu", UNCHECKED).precision == "fp32"


def test_logits_are_not_rounded_to_bf16() -> None:
    """Else two logits of a voxel are often equal, and the first label gets all such voxels."""
    model = Registry().network("nuclei-2d")
    image = np.random.default_rng(0).random((1, 3, 128, 128), np.float32)
    exact, reduced = (
        session.logits(session.run(image))
        for session in (Session(model.verified, Device("openvino", p)) for p in ("fp32", "bf16"))
    )
    assert (reduced.view(np.uint32) & 0xFFFF == 0).mean() < 0.01
    difference = np.abs(reduced - exact).max() / np.ptp(exact)
    assert 0 < difference < 0.05
