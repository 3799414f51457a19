"""Tiles that several runs want at once go through the network together."""

import threading
import time
from dataclasses import dataclass, field
from math import prod

import numpy as np
from numpy.typing import NDArray

from inference.cancellation import CancelToken
from inference.networks.network import Level
from inference.networks.session import Part, Runner


@dataclass(slots=True, eq=False)
class _Ticket:
    image: NDArray[np.float32]
    token: CancelToken
    found: NDArray[np.float32] | None = None
    error: Exception | None = None
    done: threading.Event = field(default_factory=threading.Event)


IDLE_S = 2.0
"""After so long without a tile, working memory is given back."""
KEPT_BYTES = 256 << 20
"""So much of it may stay for good: to take it anew costs the next scan some time."""


class BatchingSession:
    """A session that threads may share: what waits while it runs goes through it next, as one.

    Nobody waits for company: a tile that finds the session free runs alone. Tiles of one batch are
    of one shape; each thread gets its own or its own error. A batch runs to its end, even
    where the token of one of its tiles is pulled meanwhile.
    """

    def __init__(self, session: Runner, most_voxels: int, held_per_voxel: float = 0.0) -> None:
        """`most_voxels` of input go through at once, or else a single tile.

        `held_per_voxel`: bytes that the session keeps of the largest run, for the next ones.
        """
        self._session, self._most, self._held_per_voxel = session, most_voxels, held_per_voxel
        self._turn, self._lock = threading.Lock(), threading.Lock()
        self._waiting: list[_Ticket] = []
        self._largest, self._used = 0, 0.0
        self._watched = False

    @property
    def held_bytes(self) -> int:
        """What earlier runs left with the session."""
        return int(self._largest * self._held_per_voxel)

    def run(
        self, image: NDArray[np.float32], token: CancelToken | None = None
    ) -> NDArray[np.float32]:
        """Of (1, c, *spatial), as the session's; raises what the session raises, and JobLost."""
        mine = _Ticket(image, token or CancelToken())
        with self._lock:
            self._waiting.append(mine)
        with self._turn:
            if not mine.done.is_set():  # nobody took it along
                self._lead(mine)
        self._watch()
        mine.token.check()
        if mine.error is not None:
            error, mine.error = mine.error, None  # else its traceback would keep the tile alive
            raise error
        if mine.found is None:
            raise RuntimeError("A tile came back from its batch without anything.")
        return mine.found

    def logits(self, found: NDArray[np.float32]) -> NDArray[np.float32]:
        """The session's."""
        return self._session.logits(found)

    @property
    def level(self) -> Level | None:
        """The session's."""
        return self._session.level

    def run_part(
        self, part: Part, shape: tuple[int, ...], token: CancelToken
    ) -> NDArray[np.float32]:
        """The session's; parts of a network have no company."""
        try:
            with self._turn:
                self._largest = max(self._largest, prod(shape[2:]))
                return self._session.run_part(part, shape, token)
        finally:
            self._watch()

    def release_memory(self) -> None:
        """Gives working memory back; the next run takes it anew."""
        with self._turn:
            self._release_memory()

    def _lead(self, mine: _Ticket) -> None:
        """Runs a ticket with what else is waiting, and serves all of them."""
        shape, voxels = mine.image.shape, mine.image[0, 0].size
        with self._lock:
            alike = [t for t in self._waiting if t is not mine and t.image.shape == shape]
            batch = [mine, *alike[: max(1, self._most // voxels) - 1]]
            self._waiting = [t for t in self._waiting if t not in batch]
        self._largest = max(self._largest, voxels * len(batch))
        if len(batch) > 1 and self._ran(batch):
            return
        for ticket in batch:  # alone, so that one that fails spoils no other
            try:
                ticket.found = self._session.run(ticket.image, ticket.token)
            except Exception as error:  # noqa: BLE001 - whatever it is, its own thread is told
                ticket.error = error
            ticket.done.set()

    def _ran(self, batch: list[_Ticket]) -> bool:
        """Whether all went through together."""
        try:
            found = self._session.run(np.concatenate([ticket.image for ticket in batch]))
        except MemoryError:
            self._release_memory()
            self._most //= 2
            return False
        except Exception:  # noqa: BLE001 - each is tried again by itself, and says what is wrong
            return False
        for ticket, own in zip(batch, found, strict=True):
            ticket.found = own[None]
            ticket.done.set()
        return True

    def _release_memory(self) -> None:
        self._session.release_memory()
        self._largest = 0

    def _watch(self) -> None:
        """Sees to it that much memory is not held for long after this run."""
        with self._lock:
            self._used = time.monotonic()
            if self._watched or self.held_bytes <= KEPT_BYTES:
                return
            self._watched = True
        self._look_after(IDLE_S)

    def _look_after(self, seconds: float) -> None:
        timer = threading.Timer(seconds, self._look)
        timer.daemon = True
        timer.start()

    def _look(self) -> None:
        """Gives memory back unless a tile runs, however long it takes, or one ran just now."""
        idle = self._turn.acquire(blocking=False)
        try:
            with self._lock:
                left = self._used + IDLE_S - time.monotonic() if idle else IDLE_S
                self._watched = left > 0
            if left > 0:
                self._look_after(left)
            else:
                self._release_memory()
        finally:
            if idle:
                self._turn.release()
