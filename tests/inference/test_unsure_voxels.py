"""Which voxels a network is not sure of: by the definition, and whatever the tiles."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit, softmax

from imaging.scan import Scan
from inference.device import Device
from inference.engine import Engine
from inference.labels import decide, labels_of
from inference.networks.session import Session
from inference.options import RunOptions
from inference.pipeline import Result, segment
from inference.planner import Budget
from inference.run_context import RunContext
from inference.unsure_voxels import ODDS, UnsureVoxels
from models.card import ModelCard
from models.nets.config import UNetConfig
from models.registry import Model, Registry
from tests.support.cards import card
from tests.support.scans import noise


def logits_of(outputs: int, seed: int = 2) -> NDArray[np.float32]:
    values = np.random.default_rng(seed).normal(0, 2, (outputs, 7, 8, 9))
    return values.astype(np.float32)


def described(outputs: tuple[int, ...], activation: str = "softmax") -> ModelCard:
    changes = {"outputs": outputs, "activation": activation}
    return card("solid", 3, "t1").model_copy(update=changes)


@pytest.mark.parametrize("outputs", [(0, 1), (0, 1, 2), (0, 3, 1, 1, 7), tuple(range(40))])
def test_the_next_best_output_is_more_than_a_quarter_as_likely(outputs: tuple[int, ...]) -> None:
    logits, model = logits_of(len(outputs)), described(outputs)
    likely = softmax(logits.astype(float), axis=0)
    best, other = np.sort(likely, axis=0)[:-3:-1]
    expected = best < ODDS * other
    assert 0 < expected.mean() < 1
    for values, activated in ((logits, False), (likely.astype(np.float32), True)):
        decision = decide(values, model, activated=activated)
        assert np.array_equal(decision.labels, np.array(outputs)[logits.argmax(0)])
        assert decision.unsure is not None
        assert np.array_equal(decision.unsure, expected)


def test_regions_of_their_own() -> None:
    """A label is that of the last region that contains a voxel, and as sure as that is."""
    logits, model = logits_of(3), described((1, 2, 3), "sigmoid")
    likely = expit(logits.astype(float))
    for values, activated in ((logits, False), (likely.astype(np.float32), True)):
        decision = decide(values, model, activated=activated)
        assert decision.unsure is not None
        assert np.array_equal(decision.labels, labels_of(values, model, activated=activated))
        for label in (1, 2, 3):
            mine = decision.labels == label
            assert np.array_equal(decision.unsure[mine], likely[label - 1][mine] < 0.8)


@pytest.mark.parametrize("largest", [3, 200])
def test_sums_do_not_depend_on_the_blocks(largest: int) -> None:
    random = np.random.default_rng(5)
    labels = random.integers(0, largest + 1, (20, 9)).astype(np.uint8)
    labels[labels == 2] = 0
    unsure = random.random(labels.shape) < 0.3
    expected = {int(value): unsure[labels == value].mean() for value in np.unique(labels) if value}
    for rows in (1, 3, 20):
        sums = UnsureVoxels(largest)
        for start in range(0, 20, rows):
            sums.add(labels[start : start + rows], unsure[start : start + rows])
        assert sums.shares() == expected


def run(scan: Scan, model: Model, tile: int | None) -> Result:
    session = Session(model.verified, Device("cpu", "fp32"))
    options = RunOptions("cpu", "fp32", None if tile is None else (tile,) * scan.dimension)
    scans = {model.card.channels[0].name: scan}
    return segment(scans, model.card, session, Budget(1 << 40), options, RunContext())


def check_tiles(scan: Scan, model: Model, *tiles: int) -> None:
    """Voxels at the limit itself may be on either side: logits are computed in another order."""
    whole = run(scan, model, None)
    assert whole.unsure
    for tile in tiles:
        tiled = run(scan, model, tile)
        assert len(tiled.plan) > 1
        assert np.array_equal(tiled.mask, whole.mask)
        assert tiled.unsure is not None
        assert tiled.unsure.keys() == whole.unsure.keys()
        for label, share in whole.unsure.items():
            assert 0 < share < 1
            few = 2 / np.count_nonzero(whole.mask == label)
            assert tiled.unsure[label] == pytest.approx(share, abs=few)


@pytest.mark.parametrize("ratio", [None, 1.4], ids=["own grid", "interpolated"])
def test_the_tiles_do_not_matter(
    make_model: Callable[..., Model], ratio: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inference.labels._LN_ODDS", np.float32(0.02))  # its weights are random
    config = UNetConfig.of_widths(
        (4, 6), dimension=3, out_channels=3, padding="same", batch_norm=True
    )
    if ratio is None:
        check_tiles(noise((1, 46, 40, 34)), make_model("unsure", config), 24, 32)
    else:
        model = make_model("unsure-spaced", config, spacing_mm=(1.0, 1.0, 1.0))
        check_tiles(noise((1, 23, 19, 29), (ratio,) * 3), model, 24)


@pytest.mark.parametrize("model", ["hippocampus-mri-3d", "nuclei-2d"])
def test_a_report_states_the_share_of_each_label(model: str, tmp_path: Path) -> None:
    """Of a trained network. One that numbers objects decides on their seeds and rims instead."""
    loaded = Registry().get(model)
    (channel,) = loaded.card.channels
    (sample,) = loaded.folder.glob("sample.*")
    engine, options = Engine(Registry()), RunOptions("cpu", "fp32")
    made = engine.segment({channel.name: sample}, model, tmp_path, options)
    shares = [row["unsure_share"] for row in made.report["measurements"]["labels"]]
    if loaded.card.instances is None:
        assert all(0 < share < 0.9 for share in shares)
    else:
        assert shares == [None]
