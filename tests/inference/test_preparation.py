"""A network whose card has preparation steps, from scan to mask."""

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nibabel.orientations import apply_orientation, axcodes2ornt, inv_ornt_aff

from imaging.box import Box
from imaging.errors import JobLost
from imaging.preparation.way_back import Cropped, Resized
from imaging.scan import Scan, in_memory
from inference.cancellation import CancelToken
from inference.device import Device
from inference.network_input import network_input
from inference.networks.session import Session
from inference.pipeline import segment
from inference.planner import Budget
from models.nets.config import UNetConfig
from models.registry import Model
from tests.support.scans import noise
from tests.support.threshold import threshold_network

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


@pytest.mark.parametrize(
    "rule",
    [
        {"kind": "fixed", "lower": -300.0, "upper": 400.0, "mean": 90.0, "std": 140.0},
        {"kind": "range", "input": (-300.0, 400.0), "clip": True},
    ],
)
def test_a_scan_of_another_unit_is_reported(
    make_model: Callable[..., Model], rule: dict[str, Any]
) -> None:
    """A CT that was scaled to 0 to 1. Label maps have no rule, the last channel has no unit."""
    steps = prepared({"step": "normalise", "rules": [rule, {"kind": "none"}]})
    channels: list[dict[str, Any]] = [
        {"name": "ct"},
        {"name": "coarse", "label_values": [1]},
        {"name": "other"},
    ]
    config = replace(CONFIG, in_channels=3)
    model = make_model(f"unit-{rule['kind']}", config, channels=channels, **steps)
    values = np.random.default_rng(0).random((1, 8, 9, 7)).astype(np.float32)
    scans = {one["name"]: in_memory(values > 0.5, (1.0,) * 3) for one in channels}
    for name, factor, warned in (("ct", 1, True), ("ct", 900, False), ("other", 1, False)):
        usual = in_memory(values * 900, (1.0,) * 3)
        given = (
            scans | {"ct": usual, "other": usual} | {name: in_memory(values * factor, (1.0,) * 3)}
        )
        warnings = network_input(given, model.card).warnings
        assert any("another unit" in one and "channel ct" in one for one in warnings) == warned


def test_a_cancelled_run_stops_between_steps(make_model: Callable[..., Model]) -> None:
    steps = [{"step": "normalise", "rules": [{"kind": "none"}]}] * 2
    model = make_model("two-steps", CONFIG, **prepared(*steps))
    token = CancelToken()
    token.cancel()
    scan = in_memory(np.ones((1, 8, 9, 7), np.float32), (1.0, 1.0, 1.0))
    with pytest.raises(JobLost):
        network_input({"image": scan}, model.card, token=token)


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


DIRECTIONS = [
    "".join(letters) for pairs in permutations(("RL", "AP", "SI")) for letters in product(*pairs)
]


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    stored=st.sampled_from(DIRECTIONS),
    code=st.sampled_from([*DIRECTIONS, "ijk", "kji", "jki"]),
    start=st.tuples(*(st.integers(0, 3),) * 3),
    seed=st.integers(0, 99),
)
def test_a_mask_comes_back_in_place(
    threshold: Model, stored: str, code: str, start: tuple[int, ...], seed: int
) -> None:
    """However the scan is stored and whatever its network's axes are, through a crop and a grid
    twice as fine, each voxel of the mask is the scan's own."""
    random = np.random.default_rng(seed)
    values = np.zeros((9, 11, 8), np.float32)
    inside = tuple(slice(a, a + n) for a, n in zip(start, (4, 6, 3), strict=True))
    values[inside] = random.choice([0.2, 0.9], (4, 6, 3))
    turn = axcodes2ornt(stored)
    affine = inv_ornt_aff(turn, values.shape)
    scan = replace(
        in_memory(np.ascontiguousarray(apply_orientation(values, turn))[None], (1.0, 1.0, 1.0)),
        affine=affine,
    )
    card = threshold.card.model_copy(update={"orientation": code})
    session = Session(threshold.verified, Device("cpu", "fp32"))
    mask = segment({"image": scan}, card, session, Budget(1 << 40)).mask
    assert np.array_equal(mask, scan.read(Box.whole(scan.grid))[0] > 0.5)


@pytest.fixture(scope="module")
def threshold(tmp_path_factory: pytest.TempPathFactory) -> Model:
    halved = {"step": "resample", "spacing_mm": [0.5] * 3, "anchor": "edges", "order": 0}
    steps = prepared({"step": "crop_nonzero"}, halved)
    return threshold_network(tmp_path_factory.mktemp("threshold"), **steps)
