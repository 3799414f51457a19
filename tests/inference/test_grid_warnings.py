"""Channels whose scans have different grids: a warning, or a refusal."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from imaging.errors import ScanModelMismatch
from imaging.scan import Scan, in_memory
from inference.network_input import network_input
from models.card_parts import Channel
from models.registry import Model
from tests.support.threshold import threshold_network

GRID = (12, 10, 8)


def scan(shape: tuple[int, ...] = GRID, offset: float = 0.0, size: float = 1.0) -> Scan:
    values = np.random.default_rng(0).standard_normal((1, *shape)).astype(np.float32)
    affine = np.diag([size, size, size, 1.0])
    affine[0, 3] = offset
    return replace(in_memory(values, (size,) * 3), affine=affine)


def warnings(second: Scan, model: Model) -> tuple[str, ...]:
    card = model.card.model_copy(update={"channels": (Channel(name="t1"), Channel(name="t2"))})
    return network_input({"t1": scan(), "t2": second}, card).warnings


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return threshold_network(tmp_path, intensity={"kind": "none"})


@pytest.mark.parametrize("offset", [0.0, 1e-6])
def test_the_same_grid(offset: float, model: Model) -> None:
    assert not warnings(scan(offset=offset), model)


@pytest.mark.parametrize(
    ("second", "part"),
    [
        (scan(size=0.5, shape=(24, 20, 16)), "resampled to it."),
        (scan(offset=6.0), "It covers 50% of it"),
    ],
    ids=["other voxels", "half"],
)
def test_another_grid(second: Scan, part: str, model: Model) -> None:
    (text,) = warnings(second, model)
    assert text.startswith("The scan of the channel t2 has another grid than that of t1")
    assert part in text


def test_scans_that_share_nothing(model: Model) -> None:
    with pytest.raises(ScanModelMismatch, match="shows no part of what the scan of t1 shows"):
        warnings(scan(offset=100.0), model)
