"""Runs tiles of several concurrent segmentations through a network in one batch."""

import threading
import time
from dataclasses import dataclass, field
from math import prod

import numpy as np
from numpy.typing import NDArray

from inference.cancellation import CancelToken
from inference.networks.network import Level
from inference.networks.session import Part, Runner

IDLE_S = 2.0
"""Working memory is released after this many seconds without a tile."""
KEPT_BYTES = 256 << 20
"""Up to this much working memory is never released: allocating it again would cost time."""


@dataclass(slots=True, eq=False)
class _Waiting:
    """The tiles of one thread, and their features or error when they have run."""

    image: NDArray[np.float32]
    token: CancelToken
    features: NDArray[np.float32] | None = None
    error: Exception | None = None
    done: threading.Event = field(default_factory=threading.Event)


class BatchingSession:
    """A session that threads share: tiles that arrive while it runs go through it next, together.

    A tile never waits for others: one that finds the session free runs alone. The tiles of a batch
    have one shape; each thread gets its own features or its own error. A batch runs to its end,
    even when one of its tiles is cancelled meanwhile.
    """

    def __init__(self, session: Runner, most_voxels: int, held_per_voxel: float = 0.0) -> None:
        """`most_voxels`: input voxels of a batch, which has at least one tile.

        `held_per_voxel`: bytes per voxel of the largest run that the session keeps for later runs.
        """
        self._session, self._most, self._held_per_voxel = session, most_voxels, held_per_voxel
        self._turn, self._lock = threading.Lock(), threading.Lock()
        self._waiting: list[_Waiting] = []
        self._largest, self._last_used = 0, 0.0
        self._timer_runs = False

    @property
    def held_bytes(self) -> int:
        """Memory that the session keeps from earlier runs."""
        return int(self._largest * self._held_per_voxel)

    def run(
        self, image: NDArray[np.float32], token: CancelToken | None = None
    ) -> NDArray[np.float32]:
        """Features of the tiles (n, c, *spatial) of one thread; raises what the session raises, and
        JobLost."""
        mine = _Waiting(image, token or CancelToken())
        with self._lock:
            self._waiting.append(mine)
        with self._turn:
            if not mine.done.is_set():  # it was in no other thread's batch
                self._run_batch(mine)
        self._release_when_idle()
        mine.token.check()
        if mine.error is not None:
            error, mine.error = mine.error, None  # else its traceback would keep the tile alive
            raise error
        if mine.features is None:
            raise RuntimeError("A batch returned neither features nor an error for its tile.")
        return mine.features

    def logits(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Session.logits`."""
        return self._session.logits(features)

    @property
    def batch(self) -> int | None:
        """See `Session.batch`."""
        return self._session.batch

    @property
    def level(self) -> Level | None:
        """See `Session.level`."""
        return self._session.level

    def run_part(
        self, part: Part, shape: tuple[int, ...], token: CancelToken
    ) -> NDArray[np.float32]:
        """See `Session.run_part`; parts of a network are not batched."""
        try:
            with self._turn:
                self._largest = max(self._largest, prod(shape[2:]))
                return self._session.run_part(part, shape, token)
        finally:
            self._release_when_idle()

    def release_memory(self) -> None:
        """Releases working memory; the next run allocates it again."""
        with self._turn:
            self._release()

    def _run_batch(self, mine: _Waiting) -> None:
        """Runs a tile with the waiting tiles of its shape."""
        shape, voxels = mine.image.shape, mine.image[:, 0].size
        with self._lock:
            alike = [t for t in self._waiting if t is not mine and t.image.shape == shape]
            batch = [mine, *alike[: max(1, self._most // voxels) - 1]]
            self._waiting = [t for t in self._waiting if t not in batch]
        self._largest = max(self._largest, voxels * len(batch))
        if len(batch) > 1 and self._ran_together(batch):
            return
        for tile in batch:  # one by one, so that a failing tile affects no other
            try:
                tile.features = self._session.run(tile.image, tile.token)
            except Exception as error:  # noqa: BLE001 - raised again in the tile's own thread
                tile.error = error
            tile.done.set()

    def _ran_together(self, batch: list[_Waiting]) -> bool:
        """Runs the batch in one call; False where that failed, and each tile has to run alone."""
        try:
            features = self._session.run(np.concatenate([tile.image for tile in batch]))
        except MemoryError:
            self._release()
            self._most //= 2
            return False
        except Exception:  # noqa: BLE001 - each tile runs again alone and raises its own error
            return False
        for tile, own in zip(batch, np.split(features, len(batch)), strict=True):
            tile.features = own
            tile.done.set()
        return True

    def _release(self) -> None:
        self._session.release_memory()
        self._largest = 0

    def _release_when_idle(self) -> None:
        """Starts the timer that releases much memory some time after the last run."""
        with self._lock:
            self._last_used = time.monotonic()
            if self._timer_runs or self.held_bytes <= KEPT_BYTES:
                return
            self._timer_runs = True
        self._start_timer(IDLE_S)

    def _start_timer(self, seconds: float) -> None:
        timer = threading.Timer(seconds, self._on_timer)
        timer.daemon = True
        timer.start()

    def _on_timer(self) -> None:
        """Releases memory, or waits on while a tile runs or if one ran just now."""
        idle = self._turn.acquire(blocking=False)
        try:
            with self._lock:
                left = self._last_used + IDLE_S - time.monotonic() if idle else IDLE_S
                self._timer_runs = left > 0
            if left > 0:
                self._start_timer(left)
            else:
                self._release()
        finally:
            if idle:
                self._turn.release()
