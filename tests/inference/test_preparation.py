"""A network whose card has preparation steps, from scan to mask."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from imaging.box import Box
from imaging.preparation.way_back import Cropped, Resized
from imaging.scan import Scan, in_memory
from inference.device import Device
from inference.network_input import network_input
from inference.networks.session import Session
from inference.pipeline import segment
from inference.planner import Budget
from models.nets.config import UNetConfig
from models.registry import Model
from tests.support.scans import noise

CONFIG = UNetConfig.of_widths((4, 6), dimension=3, out_channels=3, padding="same", batch_norm=True)


def mask_of(scans: dict[str, Scan], model: Model) -> np.ndarray:
    session = Session(model.verified, Device("cpu", "fp32"))
    return segment(scans, model.card, session, Budget(1 << 40)).mask


def prepared(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"intensity": None, "preparation": steps}


@pytest.mark.parametrize("orientation", ["RAS", "SPL"])
def test_a_rule_gives_the_mask_of_the_same_intensity(
    make_model: Callable[..., Model], orientation: str
) -> None:
    facts: dict[str, Any] = {"orientation": orientation}
    end = orientation.lower()
    usual = make_model(f"usual-{end}", CONFIG, intensity={"kind": "zscore"}, **facts)
    steps = prepared({"step": "normalise", "rules": [{"kind": "zscore"}]})
    other = make_model(f"prepared-{end}", CONFIG, **steps, **facts)
    scan = noise((1, 18, 14, 12), (1.5, 2.0, 1.0))
    expected, mask = mask_of({"image": scan}, usual), mask_of({"image": scan}, other)
    assert len(np.unique(expected)) > 1
    assert (mask != expected).mean() < 1e-3  # division against multiplication: ties alone


def test_the_network_reads_every_channel_in_its_place(make_model: Callable[..., Model]) -> None:
    config = replace(CONFIG, in_channels=4)
    rules = [{"kind": "fixed", "mean": 1.0, "std": 2.0}, {"kind": "fixed", "std": 4.0}]
    model = make_model(
        "four-inputs",
        config,
        channels=[
            {"name": "t1"},
            {"name": "coarse", "label_values": [2, 5]},
            {"name": "t2"},
        ],
        **prepared({"step": "normalise", "rules": rules}),
    )
    random = np.random.default_rng(0)
    t1, t2 = (random.normal(size=(1, 8, 9, 7)).astype(np.float32) for _ in range(2))
    coarse = random.choice([0, 2, 5], (1, 8, 9, 7)).astype(np.uint8)
    scans = {
        name: in_memory(values, (1.0, 1.0, 1.0))
        for name, values in (("t1", t1), ("coarse", coarse), ("t2", t2))
    }
    subject = network_input(scans, model.card)
    values = subject.read(Box.whole(subject.grid))
    expected = np.concatenate([(t1 - 1) / 2, coarse == 2, coarse == 5, t2 / 4])
    assert np.array_equal(values, expected.astype(np.float32))
    assert subject.way_back == ()


def test_the_steps_run_in_order_along_the_networks_axes(make_model: Callable[..., Model]) -> None:
    """What was cropped is given on the oriented grid, what was resampled on the cropped one."""
    model = make_model(
        "three-steps",
        CONFIG,
        orientation="kij",
        **prepared(
            {"step": "crop_nonzero"},
            {"step": "normalise", "rules": [{"kind": "fixed", "std": 2.0}]},
            {"step": "resample", "spacing_mm": [1.5, None, 1.0], "anchor": "edges", "order": 0},
        ),
    )
    values = np.zeros((1, 12, 10, 9), np.float32)
    values[0, 2:10, 3:9, 1:7] = np.random.default_rng(0).normal(size=(8, 6, 6))
    subject = network_input({"image": in_memory(values, (2.0, 1.0, 3.0))}, model.card)
    box = Box((1, 2, 3), (7, 10, 9))
    resized = Resized((6, 8, 6), (12, 8, 6), (0.5, 1.0, 1.0), "edges")
    assert subject.way_back == (Cropped(box, (9, 12, 10)), resized)
    expected = values[0].transpose(2, 0, 1)[box.slices].repeat(2, axis=0) / 2
    assert np.array_equal(subject.read(Box.whole(subject.grid))[0], expected)
    assert subject.views[0].spacing_mm == (1.5, 2.0, 1.0)


def test_voxels_that_are_no_numbers_are_filled_and_reported(
    make_model: Callable[..., Model],
) -> None:
    model = make_model(
        "prepared-ras", CONFIG, **prepared({"step": "normalise", "rules": [{"kind": "zscore"}]})
    )
    values = np.random.default_rng(0).normal(size=(1, 8, 9, 7)).astype(np.float32)
    values[0, 2, 3, 4], values[0, 1, 1, 1] = np.nan, np.inf
    subject = network_input({"image": in_memory(values, (1.0, 1.0, 1.0))}, model.card)
    filled = np.where(np.isfinite(values), values, values[np.isfinite(values)].min())
    expected = (filled - filled.mean()) / filled.std()
    np.testing.assert_allclose(subject.read(Box.whole(subject.grid)), expected, atol=1e-5)
    assert "2 voxels of channel image were NaN or infinite." in subject.warnings


def test_padding_of_a_scan_is_not_measured(make_model: Callable[..., Model]) -> None:
    model = make_model(
        "prepared-ras", CONFIG, **prepared({"step": "normalise", "rules": [{"kind": "zscore"}]})
    )
    values = np.random.default_rng(0).normal(size=(1, 8, 9, 7)).astype(np.float32)
    padding = np.random.default_rng(1).random((8, 9, 7)) < 0.3
    values[0, padding] = -1000
    scan = replace(in_memory(values, (1.0, 1.0, 1.0)), padding=lambda box: padding[box.slices])
    subject = network_input({"image": scan}, model.card)
    real = values[0][~padding]
    ours = subject.read(Box.whole(subject.grid))[0][~padding]
    np.testing.assert_allclose(ours, (real - real.mean()) / real.std(), atol=1e-5)
