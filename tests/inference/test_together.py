"""Threads that share a network: together where they meet, each with its own result."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

from imaging.errors import BadModel, JobLost
from inference.batching import KEPT_BYTES, BatchingSession
from inference.cancellation import CancelToken
from inference.device import Device, available
from inference.networks.network import Level
from inference.networks.session import Part, Session
from models.nets.config import UNetConfig
from models.registry import Model
from tests.support.waiting import PATIENCE_S, until

FLAT = UNetConfig.of_widths((4, 6, 8), dimension=2, out_channels=3, padding="same")


class Counted:
    """Doubles its input, and notes what came at once; the first run waits until it may go on."""

    level: Level | None = None
    batch: int | None = None

    def __init__(self) -> None:
        self.sizes: list[tuple[int, ...]] = []
        self.begun, self.go_on = threading.Event(), threading.Event()

    def run(
        self, image: NDArray[np.float32], token: CancelToken | None = None
    ) -> NDArray[np.float32]:
        if token is not None:
            token.check()
        self.sizes.append(image.shape)
        self.begun.set()
        assert self.go_on.wait(PATIENCE_S)
        if (image < 0).any():
            raise BadModel("A negative voxel.")
        return 2 * image

    def logits(self, found: NDArray[np.float32]) -> NDArray[np.float32]:
        return found

    def run_part(
        self, part: Part, shape: tuple[int, ...], token: CancelToken
    ) -> NDArray[np.float32]:
        raise NotImplementedError  # it has no levels

    def release_memory(self) -> None: ...


def tile(value: float, side: int = 8) -> NDArray[np.float32]:
    return np.full((1, 1, side, side), value, np.float32)


def meet(
    together: BatchingSession, session: Counted, tiles: list[NDArray[np.float32]]
) -> list[object]:
    """Runs the first tile, and all others while that one is in the network: their ends."""

    def end(image: NDArray[np.float32]) -> object:
        try:
            return float(together.run(image)[0, 0, 0, 0])
        except BadModel as error:
            return str(error)

    with ThreadPoolExecutor(len(tiles)) as pool:
        first = pool.submit(end, tiles[0])
        assert session.begun.wait(PATIENCE_S)
        others = [pool.submit(end, image) for image in tiles[1:]]
        until(lambda: len(together._waiting) == len(others))
        session.go_on.set()
        return [future.result(PATIENCE_S) for future in (first, *others)]


def test_what_waits_goes_through_as_one() -> None:
    session = Counted()
    together = BatchingSession(session, 1 << 20)
    assert meet(together, session, [tile(n) for n in range(1, 6)]) == [2, 4, 6, 8, 10]
    assert session.sizes == [(1, 1, 8, 8), (4, 1, 8, 8)]


def test_only_tiles_of_one_shape_and_as_many_as_fit() -> None:
    session = Counted()
    together = BatchingSession(session, 2 * 64)
    sides = (8, 8, 16, 8, 8)
    assert meet(together, session, [tile(n, side) for n, side in enumerate(sides)]) == [
        *range(0, 10, 2)
    ]
    assert max(n for n, _, side, _ in session.sizes if side == 8) == 2
    assert [shape for shape in session.sizes if shape[2] == 16] == [(1, 1, 16, 16)]


def test_one_that_fails_spoils_no_other() -> None:
    session = Counted()
    together = BatchingSession(session, 1 << 20)
    ends = meet(together, session, [tile(1), tile(2), tile(-1), tile(3)])
    assert ends == [2, 4, "A negative voxel.", 6]


def test_a_pulled_brake_stops_its_own_run_alone() -> None:
    session, token = Counted(), CancelToken()
    together = BatchingSession(session, 1 << 20)
    session.go_on.set()
    token.cancel()
    with pytest.raises(JobLost):
        together.run(tile(1), token)
    assert together.run(tile(2))[0, 0, 0, 0] == 4


def test_much_working_memory_is_given_back_once_nothing_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("inference.batching.IDLE_S", 0.1)
    session, rested = Counted(), threading.Event()
    session.go_on.set()
    monkeypatch.setattr(session, "release_memory", rested.set)
    little = BatchingSession(session, 1, held_per_voxel=1.0)
    little.run(tile(1))
    assert little.held_bytes == 64
    much = BatchingSession(session, 1, held_per_voxel=float(KEPT_BYTES))
    much.run(tile(1))
    assert rested.wait(PATIENCE_S)
    until(lambda: much.held_bytes == 0)
    rested.clear()
    much.run(tile(1))  # and again, when it was used again
    assert rested.wait(PATIENCE_S)
    assert little.held_bytes == 64


def test_a_batch_that_does_not_fit_is_made_smaller() -> None:
    class Narrow(Counted):
        def run(
            self, image: NDArray[np.float32], token: CancelToken | None = None
        ) -> NDArray[np.float32]:
            if len(image) > 1:
                raise MemoryError("no room")
            return super().run(image, token)

    session = Narrow()
    together = BatchingSession(session, 4 * 64)
    assert meet(together, session, [tile(n) for n in range(5)]) == [0, 2, 4, 6, 8]
    assert together._most < 4 * 64


@pytest.mark.parametrize("device", [Device(name, "fp32") for name in available()])
def test_batches_give_the_logits_of_single_tiles(
    make_model: Callable[..., Model], device: Device
) -> None:
    """Of a real network, from many threads at once."""
    session = Session(make_model("runtime-flat", FLAT).verified, device)
    together = BatchingSession(session, 1 << 20)
    random = np.random.default_rng(0)
    images = [random.standard_normal((1, 1, 64, 64), dtype=np.float32) for _ in range(24)]
    alone = [session.run(image) for image in images]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(together.run, images))
    for one, other in zip(alone, found, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5 * float(np.ptp(one)))
