"""Where a card says that a scan is empty, nothing is found and nothing is run."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import inference.levels
from imaging.scan import in_memory
from inference.device import Device, choose
from inference.networks.session import Session
from inference.options import RunOptions
from inference.pipeline import segment
from inference.planner import Budget
from inference.run_context import RunContext
from models.card import ModelCard
from models.nets.config import UNetConfig
from models.registry import Model

CONFIG = UNetConfig.of_widths((4, 6), dimension=2, in_channels=3, padding="same")
ROOM = Budget(8_000, bytes_per_voxel=1.0)


class Counted(Session):
    """How many tiles it ran."""

    def __init__(self, model: Model, device: Device) -> None:
        super().__init__(model.verified, device)
        self.tiles = 0

    def run(self, image: Any, token: Any = None) -> Any:
        self.tiles += 1
        return super().run(image, token)


@pytest.fixture
def model(make_model: Callable[..., Model]) -> Model:
    return make_model("empty", CONFIG)


def slide() -> np.ndarray:
    """White, with tissue in one corner and a speck far from it; one white pixel in the tissue."""
    pixels = np.full((3, 300, 260), 250, np.uint8)
    pixels[:, :90, :70] = np.random.default_rng(1).integers(0, 200, (3, 90, 70))
    pixels[:, 40, 30] = 255
    pixels[1, 200, 200] = 90
    return pixels


def made(model: Model, card: ModelCard, **options: Any) -> tuple[np.ndarray, Counted, list[Any]]:
    session, told = Counted(model, choose("auto", "fp32")), []
    result = segment(
        {card.channels[0].name: in_memory(slide())}, card, session, ROOM,
        RunOptions(**options), RunContext(lambda done, total: told.append((done, total))),
    )  # fmt: skip
    return result.mask, session, told


def test_the_mask_is_the_network_s_where_there_is_something(model: Model) -> None:
    everything, all_tiles, _ = made(model, model.card)
    card = model.card.model_copy(update={"empty": (240.0, 255.0)})
    found, some, told = made(model, card)
    nothing = (slide() >= 240).all(axis=0)
    assert everything[nothing].any()
    np.testing.assert_array_equal(found, np.where(nothing, 0, everything))
    assert 0 < some.tiles < all_tiles.tiles / 2
    assert told == [(n, all_tiles.tiles) for n in range(all_tiles.tiles + 1)]
    for tile in (64, 100, 200):
        np.testing.assert_array_equal(made(model, card, tile=(tile,))[0], found)


def test_the_same_level_by_level(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    card = model.card.model_copy(update={"empty": (240.0, 255.0)})
    whole = made(model, card)[0]
    monkeypatch.setattr(inference.levels, "WASTE", 0.0)
    monkeypatch.setattr(inference.levels, "_REPEATED_WORK", 0.0)
    monkeypatch.setattr(inference.levels, "_DEEPER_MEMORY", 0.1)
    mask, session, told = made(model, card)
    np.testing.assert_array_equal(mask, whole)
    assert told[-1][0] == told[-1][1]
    if session.level is not None:
        assert session.tiles == 0


def test_a_card_with_a_range_upside_down_is_refused(model: Model) -> None:
    with pytest.raises(ValueError, match="lower first"):
        ModelCard.model_validate(model.card.model_dump() | {"empty": (3.0, 2.0)})
