"""Overlapping windows: memory, cancellation, progress, reports and cards."""

import json
import threading
import tracemalloc
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from imaging.axis_taps import AxisTaps
from imaging.box import Box
from imaging.errors import BadModel, JobLost, Unavailable
from imaging.scan import Scan
from inference.cancellation import CancelToken
from inference.device import Device, available
from inference.model_result import ModelRecord, ModelResult, NetworkRecord
from inference.networks.session import Session
from inference.pipeline import Result, segment
from inference.planner import Budget
from inference.report import report
from inference.results import ResultGrid
from inference.run_context import RunContext
from inference.verify import verify
from inference.windows.plan import plan_windows
from inference.windows.sums import WindowSums
from inference.windows.weights import window_weights
from inference.windows.window_labels import window_labels
from models.card import ModelCard
from models.registry import Model
from models.windows import Windows
from tests.support.instance_norm import NNUNET, MakeWindowed
from tests.support.scans import noise

CPU = Device("cpu", "fp32")
PLENTY = Budget(1 << 40)
PARITY = 0.9999
"""Least fraction of equal voxels."""


def run(
    scan: Scan, model: Model, budget: Budget = PLENTY, context: RunContext | None = None
) -> Result:
    session = Session(model.verified, CPU)
    return segment({"image": scan}, model.card, session, budget, context=context)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Windows, tuple[int, ...]]:
    axes = draw(st.integers(2, 3))
    size = st.tuples(*[st.integers(1, 8)] * axes)
    windows = Windows(
        patch=draw(size),
        step=draw(st.sampled_from([0.2, 0.5, 0.75, 1.0])),
        step_rule=draw(st.sampled_from(["spread", "fixed"])),
        weights=draw(st.sampled_from(["constant", "gaussian", "gaussian_fp16"])),
    )
    return windows, draw(st.tuples(*[st.integers(1, 22)] * axes))


@pytest.mark.slow
@given(cases(), st.integers(0, 100))
def test_streamed_sums_are_those_of_the_whole_array(
    case: tuple[Windows, tuple[int, ...]], seed: int
) -> None:
    windows, grid = case
    plan, weights, random = plan_windows(windows, grid), window_weights(windows), seed
    sums = WindowSums(plan, weights, 2)
    whole, total = np.zeros((2, *plan.padded)), np.zeros(plan.padded)
    streamed, rows = np.full((2, *grid), np.nan, np.float32), 0
    for row in plan.rows():
        for window in row.windows:
            random += 1
            features = np.random.default_rng(random).normal(size=(2, *windows.patch))
            sums.add(window, features.astype(np.float32))
            whole[(slice(None), *window.slices)] += weights * features
            total[window.slices] += weights
        for slab in sums.finish(row.done):
            assert slab.box.start[plan.along] == rows
            rows = slab.box.stop[plan.along]
            streamed[(slice(None), *slab.box.slices)] = slab.features
    assert random - seed == len(plan)
    inside = tuple(slice(b, b + n) for b, n in zip(plan.before, grid, strict=True))
    expected = (whole / total)[(slice(None), *inside)]
    np.testing.assert_allclose(streamed, expected, atol=1e-5 * max(1, np.abs(expected).max()))


@pytest.mark.slow
@given(cases(), st.integers(0, 100))
def test_sums_in_16_bits_round_in_nnunets_order(
    case: tuple[Windows, tuple[int, ...]], seed: int
) -> None:
    """Bit for bit: windows are added with the last axis fastest, and each sum is rounded."""
    windows, grid = case[0].model_copy(update={"sums": "float16"}), case[1]
    plan, weights = plan_windows(windows, grid), window_weights(windows)
    sums = WindowSums(plan, weights, 2, precision=windows.sums)
    whole, total = np.zeros((2, *plan.padded), np.float16), np.zeros(plan.padded, np.float16)
    for number, corner in enumerate(product(*plan.starts)):
        place = tuple(slice(a, a + n) for a, n in zip(corner, windows.patch, strict=True))
        features = np.random.default_rng((seed, number)).normal(size=(2, *windows.patch)) * 8
        whole[(slice(None), *place)] += weights * features.astype(np.float32)
        total[place] += weights
    streamed, number = np.full((2, *grid), np.nan, np.float16), 0
    for row in plan.rows():
        for window in row.windows:
            features = np.random.default_rng((seed, number)).normal(size=(2, *windows.patch)) * 8
            sums.add(window, features.astype(np.float32))
            number += 1
        for slab in sums.finish(row.done):
            streamed[(slice(None), *slab.box.slices)] = slab.features
    inside = tuple(slice(b, b + n) for b, n in zip(plan.before, grid, strict=True))
    assert np.array_equal(streamed, (whole / total)[(slice(None), *inside)])


class Doubled:
    """Four outputs: multiples of the image. Fails where more than `most` images come together."""

    batch = None
    level = None

    def __init__(self, most: int = 1 << 20) -> None:
        self.most, self.sizes = most, list[int]()
        self.fail_once_at = -1

    def run(
        self, image: NDArray[np.float32], token: CancelToken | None = None
    ) -> NDArray[np.float32]:
        if token is not None:
            token.check()
        if len(image) > self.most:
            raise MemoryError("no room")
        if len(self.sizes) == self.fail_once_at:
            self.fail_once_at = -1
            raise MemoryError("no room")
        self.sizes.append(len(image))
        return np.concatenate([image * n for n in (0.1, -1, 1, 0.5)], axis=1)

    def logits(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        return features

    def run_part(self, *_: Any) -> NDArray[np.float32]:
        raise NotImplementedError

    def release_memory(self) -> None: ...


class Wave:
    """An image that is computed when it is read."""

    def __init__(self, grid: tuple[int, ...]) -> None:
        self.grid = grid

    def read(self, box: Box) -> NDArray[np.float32]:
        i, j, k = np.ogrid[box.slices]
        return np.sin(0.3 * i + 0.2 * j - 0.5 * k)[None].astype(np.float32)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_slices(windowed: MakeWindowed) -> None:
    model, _ = windowed(NNUNET | {"patch": [16, 16, 16], "mirror_axes": []})
    peaks = []
    for slices in (80, 800):
        grid = (48, 40, slices)
        results = ResultGrid(model.card, tuple(map(AxisTaps.identity, grid)))
        voxels = 0
        tracemalloc.start()
        parts = window_labels(
            Wave(grid), windows_of(model), results, Doubled(), PLENTY, RunContext()
        )
        for box, _ in parts:
            voxels += box.size
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert voxels == np.prod(grid)
        assert parts.plan.along == 2
    assert peaks[1] < 1.1 * peaks[0]
    assert peaks[1] < 4 * 48 * 40 * 800 * 4 / 4  # a quarter of all logits


def windows_of(model: Model) -> Windows:
    assert model.card.windows is not None
    return model.card.windows


def labels_with(
    model: Model, session: Any, grid: tuple[int, ...], budget: Budget = PLENTY, **context: Any
) -> NDArray[Any]:
    results = ResultGrid(model.card, tuple(map(AxisTaps.identity, grid)))
    out = np.zeros(grid, np.uint8)
    windows = windows_of(model)
    for box, decision in window_labels(
        Wave(grid), windows, results, session, budget, RunContext(**context)
    ):
        out[box.slices] = decision.labels
    return out


def test_short_memory_makes_batches_smaller_and_moves_the_sums(
    windowed: MakeWindowed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The run goes on where it was; the mask is the same."""
    monkeypatch.setattr("imaging.large_arrays.IN_MEMORY_BYTES", 0)
    model, _ = windowed(NNUNET | {"patch": [8, 8, 8]})
    grid, plenty = (20, 20, 20), Doubled()
    whole = labels_with(model, plenty, grid)
    assert max(plenty.sizes) > 8
    short = Doubled(most=3)
    np.testing.assert_array_equal(labels_with(model, short, grid), whole)
    assert max(short.sizes) <= 3
    moved = list[bool]()
    honest = WindowSums.move_to_scratch

    def move(self: WindowSums) -> None:
        moved.append(True)
        honest(self)

    monkeypatch.setattr(WindowSums, "move_to_scratch", move)
    single = Doubled(most=1)
    single.fail_once_at = 400
    np.testing.assert_array_equal(labels_with(model, single, grid, scratch=tmp_path), whole)
    assert moved == [True]
    assert sum(single.sizes) == sum(plenty.sizes)  # nothing is computed again
    with pytest.raises(MemoryError, match="no room"):
        labels_with(model, Doubled(most=0), grid)


def test_sums_that_do_not_fit_the_budget_are_in_a_file(
    windowed: MakeWindowed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imaging.large_arrays.IN_MEMORY_BYTES", 0)
    model, _ = windowed(NNUNET | {"patch": [8, 8, 8]})
    grid = (20, 20, 20)
    whole = labels_with(model, Doubled(), grid)
    made = list[bool]()
    honest = WindowSums.__init__

    def init(self: WindowSums, *told: Any, **options: Any) -> None:
        honest(self, *told, **options)
        made.append(isinstance(self._sums, np.memmap))

    monkeypatch.setattr(WindowSums, "__init__", init)
    window = 8**3 * 300
    little = Budget(window + 8 * 20 * 20 * 5 * 4 - 1)
    np.testing.assert_array_equal(labels_with(model, Doubled(), grid, little), whole)
    enough = Budget(window + 8 * 20 * 20 * 5 * 4)
    np.testing.assert_array_equal(labels_with(model, Doubled(), grid, enough), whole)
    beside = Budget(window, host_bytes=8 * 20 * 20 * 5 * 4)
    np.testing.assert_array_equal(labels_with(model, Doubled(), grid, beside), whole)
    assert made == [True, False, False]
    with pytest.raises(Unavailable, match="A window of 8 x 8 x 8 voxels needs"):
        labels_with(model, Doubled(), grid, Budget(window - 1))


def test_a_cancelled_run_stops_within_one_window(windowed: MakeWindowed) -> None:
    model, _ = windowed(NNUNET | {"mirror_axes": []})
    token, seen = CancelToken(), list[tuple[int, int]]()

    def on_tile(done: int, total: int) -> None:
        seen.append((done, total))
        if done == 3:
            token.cancel()

    with pytest.raises(JobLost):
        run(noise((1, 60, 60, 60), (1.0, 1.0, 1.0)), model, context=RunContext(on_tile, token))
    assert seen[0][0] == 0
    assert 3 <= seen[-1][0] < seen[-1][1] / 2


@pytest.mark.slow
def test_the_report_states_the_windows(windowed: MakeWindowed) -> None:
    model, _ = windowed(NNUNET)
    scan, seen = noise((1, 30, 29, 41), (1.0, 1.0, 1.0)), list[tuple[int, int]]()
    result = run(scan, model, context=RunContext(lambda *at: seen.append(at)))
    count = 3 * 4 * 4
    assert seen == [(n, count) for n in range(count + 1)]
    record = ModelRecord(model.card, NetworkRecord.of(result, CPU))
    facts = report(ModelResult(result.mask, record), scan)
    assert facts["tiling"] == {
        "kind": "windows", "tiles": count, "patch": [16, 12, 20], "step": 0.5,
        "step_rule": "spread", "weights": "gaussian_fp16", "sums": "float32", "sigma": 0.125,
        "mirror_axes": [0, 1, 2], "slicewise": False,
    }  # fmt: skip
    assert not any("one pass" in warning for warning in facts["warnings"])


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ({"windows": NNUNET | {"patch": [16, 12]}}, "windows.patch needs 3 numbers"),
        ({"windows": NNUNET | {"mirror_axes": [3]}}, "axes"),
        ({"windows": NNUNET | {"mirror_axes": [1, 1]}}, "each once"),
        ({"windows": NNUNET | {"slicewise": True}}, "begins with 1"),
        ({"exact": True}, "exact: false"),
        ({"padding": "valid"}, "padding 'same'"),
        ({"align": [5, 1, 1], "minimum": [5, 1, 1]}, "legal sizes"),
    ],
)
def test_a_card_whose_windows_do_not_fit_is_refused(
    windowed: MakeWindowed, fault: dict[str, Any], problem: str
) -> None:
    model, _ = windowed(NNUNET)
    path = model.folder / "other.json"
    stated = model.card.model_dump(mode="json") | fault
    path.write_text(json.dumps(stated))
    with pytest.raises(BadModel, match=problem):
        ModelCard.load(path)
    model.card.save(path)
    assert ModelCard.load(path) == model.card


@pytest.mark.slow
@pytest.mark.parametrize("device", [d for d in available() if d in ("cpu", "openvino")])
def test_a_batch_gives_what_single_windows_give(windowed: MakeWindowed, device: str) -> None:
    model, _ = windowed(NNUNET | {"mirror_axes": [2]})
    verify(model)
    scan = noise((1, 30, 29, 41), (1.0, 1.0, 1.0))
    session = Session(model.verified, Device(device, "fp32"))
    masks = []
    for voxels in (1, 1 << 20):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("inference.windows.memory.BATCH_VOXELS", voxels)
            masks.append(segment({"image": scan}, model.card, session, PLENTY).mask)
    assert (masks[0] == masks[1]).mean() >= PARITY


def test_cancelling_from_another_thread_interrupts_the_network(windowed: MakeWindowed) -> None:
    model, _ = windowed(NNUNET | {"patch": [64, 64, 64], "mirror_axes": []})
    token = CancelToken()

    def on_tile(done: int, _total: int) -> None:
        if done == 0:
            threading.Timer(0.02, token.cancel).start()

    with pytest.raises(JobLost):
        run(noise((1, 128, 128, 128), (1.0, 1.0, 1.0)), model, context=RunContext(on_tile, token))
