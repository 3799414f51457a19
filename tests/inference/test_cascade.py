"""A network that reads the mask of another model, which runs first."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imaging.box import Box
from imaging.errors import BadModel, ScanModelMismatch
from inference.cascade import label_map
from inference.engine import Engine
from inference.options import RunOptions
from inference.run_context import RunContext
from inference.save import save
from models.card import ModelCard
from models.registry import Model, Registry
from tests.inference.test_window_parity import PARITY, nnunet_logits
from tests.support.instance_norm import NNUNET, InstanceNormNetwork, instance_norm_model
from tests.support.scans import noise

FP32 = RunOptions("cpu", "fp32")
WINDOWS: dict[str, Any] = NNUNET | {"mirror_axes": []}
PATCH = (16, 12, 20)
CHANNELS = [{"name": "ct"}, {"name": "coarse", "label_values": [1, 2], "made_by": "coarse-model"}]
SCAN = noise((1, 30, 29, 41), (1.0, 1.0, 1.0))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def coarse(folder: Path) -> tuple[Model, InstanceNormNetwork]:
    return instance_norm_model(
        folder / "coarse-model", WINDOWS, outputs=3, channels=[{"name": "ct"}]
    )


@pytest.fixture
def fine(folder: Path) -> tuple[Model, InstanceNormNetwork]:
    return instance_norm_model(folder / "fine-model", WINDOWS, outputs=4, channels=CHANNELS)


def test_the_coarse_mask_is_the_fine_networks_input(
    folder: Path,
    coarse: tuple[Model, InstanceNormNetwork],
    fine: tuple[Model, InstanceNormNetwork],
    tmp_path: Path,
) -> None:
    image, seen = SCAN.read(Box.whole(SCAN.grid)), list[tuple[int, int]]()
    engine = Engine(Registry(folder, zoo=folder / "none"))
    context = RunContext(lambda *at: seen.append(at))
    result = engine.run({"ct": SCAN}, fine[0], FP32, context)
    mask = nnunet_logits(image, coarse[1], PATCH).argmax(0)
    assert set(np.unique(mask)) == {0, 1, 2}
    inputs = np.stack([image[0], mask == 1, mask == 2]).astype(np.float32)
    expected = nnunet_logits(inputs, fine[1], PATCH).argmax(0)
    assert (result.mask == expected).mean() >= PARITY
    without = nnunet_logits(np.stack([image[0], 0 * image[0], 0 * image[0]]), fine[1], PATCH)
    assert (result.mask == without.argmax(0)).mean() < PARITY

    shares = [done / total for done, total in seen]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)
    report = save(result, SCAN, tmp_path / "out").report
    assert report["earlier_masks"] == [
        {"channel": "coarse", "model": "coarse-model", "checksum": coarse[0].card.checksum}
    ]

    given = label_map(result.mask * 0, SCAN)
    own = engine.run({"ct": SCAN, "coarse": given}, fine[0], FP32)
    assert own.record.network.earlier == ()
    assert (own.mask == without.argmax(0)).mean() >= PARITY


@pytest.mark.usefixtures("coarse")
def test_what_a_request_supplies(fine: tuple[Model, InstanceNormNetwork], folder: Path) -> None:
    card = fine[0].card
    assert [channel.name for channel in card.requested_channels] == ["ct"]
    engine = Engine(Registry(folder, zoo=folder / "none"))
    for scans in ({}, {"coarse": SCAN}, {"ct": SCAN, "other": SCAN}):
        with pytest.raises(ScanModelMismatch, match=r"scan for|no channel"):
            engine.run(scans, fine[0], FP32)


def test_a_model_that_is_not_there_or_does_not_fit(
    fine: tuple[Model, InstanceNormNetwork], folder: Path
) -> None:
    engine = Engine(Registry(folder, zoo=folder / "none"))
    with pytest.raises(BadModel, match="coarse-model, which is not available"):
        engine.run({"ct": SCAN}, fine[0], FP32)
    instance_norm_model(folder / "coarse-model", WINDOWS, channels=[{"name": "t1"}])
    with pytest.raises(BadModel, match="takes the scans t1"):
        engine.run({"ct": SCAN}, fine[0], FP32)


def test_a_card_that_fills_its_own_channel_is_refused(
    fine: tuple[Model, InstanceNormNetwork], tmp_path: Path
) -> None:
    stated = fine[0].card.model_dump(mode="json")
    path = tmp_path / "card.json"
    for change, problem in (
        ({"name": "coarse-model"}, "its own channel"),
        ({"channels": [{"name": "ct"}, {"name": "b", "made_by": "c"}]}, "label_values"),
    ):
        path.write_text(json.dumps(stated | change))
        with pytest.raises(BadModel, match=problem):
            ModelCard.load(path)
