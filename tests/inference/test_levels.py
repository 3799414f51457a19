"""A network run level by level gives what one pass gives, to the bit."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

import imaging.large_arrays
import inference.levels
from imaging.errors import JobLost, StorageFull, Unavailable
from imaging.scan import in_memory
from inference.cancellation import CancelToken
from inference.device import Device
from inference.network_input import network_input
from inference.network_run import NetworkRun
from inference.networks import openvino
from inference.networks.session import Session
from inference.options import RunOptions
from inference.pipeline import Result, segment
from inference.planner import Budget
from inference.results import ResultGrid
from inference.run_context import RunContext
from inference.tile_logits import tile_features
from inference.work_plan import plan_work
from models.nets.config import UNetConfig
from models.registry import Model

pytestmark = pytest.mark.skipif(
    not openvino.capabilities(), reason="OpenVINO is not installed or does not run here"
)
PER_VOXEL = 1000.0
PLENTY = Budget(1 << 40, bytes_per_voxel=PER_VOXEL)
SOLID = UNetConfig.of_widths(
    (4, 6, 8, 10), dimension=3, out_channels=3, padding="same", batch_norm=True
)
MANY = UNetConfig.of_widths((4, 6, 8), dimension=2, out_channels=9, padding="same")
INTERPOLATED = UNetConfig.of_widths(
    (4, 6, 8), dimension=2, padding="same", upsampling="interpolation"
)


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Levels wherever they can be, and every array in a file."""
    monkeypatch.setattr(inference.levels, "WASTE", 0.0)
    monkeypatch.setattr(inference.levels, "_REPEATED_WORK", 0.0)
    monkeypatch.setattr(imaging.large_arrays, "IN_MEMORY_BYTES", 0)


def budget(voxels: float) -> Budget:
    """For so many voxels of a tile."""
    return Budget(int(voxels * PER_VOXEL), bytes_per_voxel=PER_VOXEL)


def logits(
    model: Model, image: NDArray[np.float32], room: Budget, precision: str = "fp32"
) -> tuple[NDArray[np.float32], int]:
    """Of the whole image, and how often the network was cut."""
    scan = in_memory(image)
    subject = network_input({model.card.channels[0].name: scan}, model.card)
    session = Session(model.verified, Device("openvino", precision))
    work = plan_work(ResultGrid.of(subject, model.card), session.level, room, RunOptions())
    out = np.full((len(model.card.outputs), *subject.grid), np.nan, np.float32)
    run = NetworkRun(session, RunContext(), len(work))
    for tile, found in tile_features(subject, work, run):
        out[(slice(None), *tile.keep.slices)] = session.logits(found[None])[0]
    assert run.tiles_done == len(work)
    return out, work.depth


def noise(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(3).standard_normal(shape, dtype=np.float32)


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(
    ("name", "config", "grid", "rooms"),
    [
        ("solid", SOLID, (53, 40, 61), {60_000: 1, 30_000: 2, 12_000: 3}),
        ("solid", SOLID, (79, 70, 88), {12_000: 3}),
        ("many", MANY, (150, 203), {24_000: 1, 18_000: 2, 6_000: 2}),
    ],
)
def test_levels_give_what_one_pass_gives(
    make_model: Callable[..., Model], precision: str, name: str, config: UNetConfig,
    grid: tuple[int, ...], rooms: dict[int, int],
) -> None:  # fmt: skip
    if precision == "bf16" and "BF16" not in openvino.capabilities():
        precision = "fp32"  # emulated elsewhere, and nobody is offered it
    model = make_model(f"levels-{name}", config)
    image = noise(1, *grid)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inference.levels, "WASTE", np.inf)
        whole, depth = logits(model, image, PLENTY, precision)
    assert depth == 0
    for room, expected in rooms.items():
        got, depth = logits(model, image, budget(room), precision)
        assert depth == expected
        np.testing.assert_array_equal(got, whole)


@pytest.mark.slow
def test_levels_are_taken_where_whole_tiles_read_far_more_than_there_is(
    make_model: Callable[..., Model],
) -> None:
    """And not where they do not, where a tile was asked for, or where the network has none."""
    model, image = make_model("levels-solid", SOLID), noise(1, 128, 96, 96)
    size = float(image.size)
    assert logits(model, image, budget(size))[1] == 0
    got, depth = logits(model, image, budget(size / 10))
    assert depth >= 1
    np.testing.assert_array_equal(got, logits(model, image, PLENTY)[0])
    subject = network_input({model.card.channels[0].name: in_memory(image)}, model.card)
    level = Session(model.verified, Device("openvino", "fp32")).level
    results = ResultGrid.of(subject, model.card)
    wished = plan_work(results, level, budget(size), RunOptions(tile=(120,)))
    assert (wished.levels, len(wished.tiles)) == (None, 2)
    with pytest.raises(Unavailable):
        plan_work(results, None, budget(size / 10), RunOptions())
    interpolated = make_model("levels-interpolated", INTERPOLATED)
    level = Session(interpolated.verified, Device("openvino", "fp32")).level
    assert level is not None
    assert level.below is None


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_a_mask_at_another_spacing(make_model: Callable[..., Model]) -> None:
    model = make_model("levels-solid", SOLID)
    card = model.card.model_copy(update={"spacing_mm": (1.5, 1.5, 1.5)})
    scan = in_memory(noise(1, 60, 50, 40), (1.0, 1.0, 2.0))
    session = Session(model.verified, Device("openvino", "fp32"))

    def made(room: Budget) -> tuple[Result, list[tuple[int, int]]]:
        told: list[tuple[int, int]] = []
        result = segment(
            {card.channels[0].name: scan}, card, session, room, RunOptions(),
            RunContext(lambda done, total: told.append((done, total))),
        )  # fmt: skip
        return result, told

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inference.levels, "WASTE", np.inf)
        whole, _ = made(PLENTY)
    parted, told = made(budget(12_000))
    assert (whole.depth, parted.depth > 0) == (0, True)
    assert len(np.unique(whole.mask)) >= 2
    np.testing.assert_array_equal(parted.mask, whole.mask)
    assert told == [(n, told[-1][1]) for n in range(told[-1][1] + 1)]


def test_a_full_disk_leaves_whole_tiles(
    make_model: Callable[..., Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What goes from level to level finds no room; the mask does."""
    model, room = make_model("levels-many", MANY), budget(220_000)
    scan, session = (
        in_memory(noise(1, 600, 640)),
        Session(model.verified, Device("openvino", "fp32")),
    )
    name, asked = model.card.channels[0].name, []

    def full(*arguments: object) -> NDArray[np.float32]:
        asked.append(arguments)
        raise StorageFull("full")

    def mask() -> Result:
        return segment({name: scan}, model.card, session, room)

    monkeypatch.setattr(inference.levels, "WASTE", 0.0)
    monkeypatch.setattr(inference.levels, "_REPEATED_WORK", 0.0)
    parted = mask()
    monkeypatch.setattr(inference.levels, "large_zeros", full)
    whole = mask()
    assert (parted.depth > 0, whole.depth, bool(asked)) == (True, 0, True)
    np.testing.assert_array_equal(whole.mask, parted.mask)


def test_neither_disk_nor_memory_ends_in_an_error_and_not_in_a_circle(
    make_model: Callable[..., Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Levels find no room on the disk, and whole tiles none in memory."""
    model, scan = make_model("levels-many", MANY), in_memory(noise(1, 600, 640))
    session = Session(model.verified, Device("openvino", "fp32"))
    monkeypatch.setattr(inference.levels, "WASTE", 0.0)
    monkeypatch.setattr(inference.levels, "_REPEATED_WORK", 0.0)

    def full(*_: object) -> None:
        raise StorageFull("full")

    def none(*_: object) -> None:
        raise MemoryError("none")

    monkeypatch.setattr(inference.levels, "large_zeros", full)
    monkeypatch.setattr(Session, "run", none)
    with pytest.raises(MemoryError):
        segment({model.card.channels[0].name: scan}, model.card, session, budget(220_000))


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_a_cancel_is_obeyed_at_every_level(make_model: Callable[..., Model]) -> None:
    model, scan = make_model("levels-solid", SOLID), in_memory(noise(1, 53, 40, 61))
    session = Session(model.verified, Device("openvino", "fp32"))
    for last in (0, 1, 9, 14):
        token = CancelToken()

        def on_tile(done: int, _total: int, token: CancelToken = token, last: int = last) -> None:
            if done == last:
                token.cancel()

        with pytest.raises(JobLost):
            segment(
                {model.card.channels[0].name: scan}, model.card, session, budget(12_000),
                context=RunContext(on_tile, token),
            )  # fmt: skip
