"""Any two choices together: each such network learns, exports, and tiles exactly or says it cannot.

All 8 x 2 x 3 x 3 x 2 x 3 x 2 x 2 x 2 x 2 = 13,824 networks would take hours; a covering array holds
every pair of choices in a few dozen.
"""

from collections.abc import Iterator
from itertools import combinations, product
from pathlib import Path
from typing import Any, get_args

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from imaging import tiling
from models.card import ModelCard
from models.card_facts import CardFacts
from models.card_parts import Channel, Intensity, Label
from models.export import TOLERANCE, export_network, is_exact
from models.nets.config import (
    Activation,
    Block,
    Bottleneck,
    Padding,
    Skip,
    UNetConfig,
    Upsampling,
)
from models.nets.onnx_file import weights_of
from models.nets.receptive_field import receptive_field
from models.nets.unet import UNet

CHOICES: dict[str, tuple[object, ...]] = {
    "block": get_args(Block),
    "bottleneck": get_args(Bottleneck),
    "skip": get_args(Skip),
    "activation": get_args(Activation),
    "upsampling": get_args(Upsampling),
    "dropout": (0.0, 0.2),
    "padding": get_args(Padding),
    "dimension": (2, 3),
    "squeeze_excite": (False, True),
    "batch_norm": (False, True),
}
"""In an order in which no row meets all that makes the tiles of a network large."""
Pair = tuple[tuple[str, object], tuple[str, object]]
FACTS = CardFacts(
    name="any",
    title="Any",
    channels=(Channel(name="t1"),),
    labels=(Label(value=1, name="bright", color="#ff0000"),),
    outputs=(0, 1),
    intensity=Intensity(kind="zscore"),
    licence="none",
)


def pairs(row: dict[str, object]) -> set[Pair]:
    return set(combinations([(field, row[field]) for field in CHOICES if field in row], 2))


def all_pairs() -> list[Pair]:
    return [
        ((one, a), (other, b))
        for one, other in combinations(CHOICES, 2)
        for a, b in product(CHOICES[one], CHOICES[other])
    ]


def covering() -> Iterator[dict[str, object]]:
    """Rows that hold every pair: each begins with one that is missing and then takes, field by
    field, the choice that brings most of those that are missing. No chance in it."""
    missing = dict.fromkeys(all_pairs())
    while missing:
        row = dict(next(iter(missing)))
        for field, choices in CHOICES.items():
            if field not in row:
                row |= max(
                    ({field: choice} for choice in choices),
                    key=lambda choice, row=row: len(pairs(row | choice) & missing.keys()),  # type: ignore[misc]
                )
        for pair in pairs(row):
            missing.pop(pair, None)
        yield {field: row[field] for field in CHOICES}


ROWS = list(covering())
NAMES = ["-".join(f"{value}" for value in row.values()) for row in ROWS]


def test_every_two_choices_meet() -> None:
    assert set().union(*map(pairs, ROWS)) == set(all_pairs())
    assert len(ROWS) < 40


def config_of(row: dict[str, Any]) -> UNetConfig:
    """Three levels where that is quick, and where a nested network needs them."""
    if row["dimension"] == 3 and row["skip"] == "nested":
        return UNetConfig.of_widths((4, 4, 8), 1, **row)
    return UNetConfig.of_widths((4, 8) if row["dimension"] == 3 else (4, 4, 8), **row)


def lively(config: UNetConfig) -> UNet:
    """Biases that are not 0: so narrow a network would else be dead for many a seed."""
    torch.manual_seed(0)
    network = UNet(config)
    with torch.no_grad():
        for name, values in network.named_parameters():
            if name.endswith(".bias"):
                values.uniform_(0, 0.5)
    return network


def loss_of(network: UNet, image: Tensor) -> Tensor:
    """Cross entropy against which voxels are bright; the same voxels are dropped each time."""
    torch.manual_seed(1)
    logits = network.train()(image)
    lost = [(n - m) // 2 for n, m in zip(image.shape[2:], logits.shape[2:], strict=True)]
    inner = tuple(slice(c, n - c) for c, n in zip(lost, image.shape[2:], strict=True))
    target = (image[(slice(None), 0, *inner)] > 0.5).long()  # type: ignore[index]
    return torch.nn.functional.cross_entropy(logits, target)


def learns(network: UNet, steps: int = 3) -> None:
    """Small steps down the gradient, so that the loss on the same batch must fall."""
    field, axes = receptive_field(network.config), network.config.dimension
    size = field.legal(field.minimum + field.align)
    image = torch.rand(2, 1, *(size,) * axes, generator=torch.Generator().manual_seed(2))
    losses = []
    for _ in range(steps + 1):
        loss = loss_of(network, image)
        network.zero_grad()
        loss.backward()
        slopes = [p.grad for p in network.parameters() if p.grad is not None]
        steepness = torch.stack([(slope**2).sum() for slope in slopes]).sum().sqrt()
        with torch.no_grad():
            for values, slope in zip(network.parameters(), slopes, strict=True):
                values -= 0.01 * slope / steepness  # type: ignore[misc]
        losses.append(float(loss.detach()))
    assert np.isfinite(losses).all()
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0]


def logits(
    session: onnxruntime.InferenceSession, image: NDArray[np.float32], plan: tiling.Plan
) -> NDArray[np.float32]:
    """(outputs, *spatial), tile by tile."""
    whole = np.full((2, *image.shape[1:]), np.nan, np.float32)
    for tile in plan:
        read = tiling.cut(lambda box: image[(slice(None), *box.slices)], image.shape[1:], tile)
        (found,) = session.run(["logits"], {"image": np.ascontiguousarray(read[None])})
        whole[(slice(None), *tile.keep.slices)] = found[(0, slice(None), *tile.crop)]
    return whole


def difference_by_tiling(session: onnxruntime.InferenceSession, card: ModelCard) -> float:
    """Largest between several tiles and one pass, of the logits' range; two axes are cut."""
    rule = tiling.TileRule(card.halo[0], card.align[0], card.minimum[0], card.padding == "valid")
    tile = rule.at_least(2 * rule.margin + 2 * rule.align)
    grid = (tile + 2 * rule.align + 1, tile + 1, 5)[: card.dimension]
    image = np.random.default_rng(3).random((1, *grid), dtype=np.float32)
    one, many = (
        tiling.Plan(tuple(tuple(tiling.plan_axis(n, rule, most)) for n in grid))
        for most in (None, tile)
    )
    assert len(one) == 1
    assert len(many) >= 4
    expected = logits(session, image, one)
    found = logits(session, image, many)
    return float(np.abs(found - expected).max() / np.ptp(expected))


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=NAMES)
def test_it_learns_exports_and_tiles(row: dict[str, object], tmp_path: Path) -> None:
    """An export proves ONNX Runtime's logits against torch's, within 1e-4 of their range."""
    network = lively(config_of(row))
    learns(network)
    card = export_network(network, FACTS, tmp_path)
    session = onnxruntime.InferenceSession(
        tmp_path / "model.onnx", providers=["CPUExecutionProvider"]
    )
    local = not row["squeeze_excite"] and row["bottleneck"] != "pyramid"
    assert card.exact == local
    assert is_exact(session, receptive_field(network.config)) == local
    if local:
        assert difference_by_tiling(session, card) <= TOLERANCE
    again = UNet(network.config)
    again.load_state_dict(weights_of(tmp_path / "model.onnx"))
    image = torch.rand(1, 1, *card.minimum)
    with torch.no_grad():
        assert torch.equal(again.eval()(image), network.eval()(image))
