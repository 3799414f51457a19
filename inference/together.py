"""Tiles that several runs want at once go through the network together."""

import threading
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from inference.brake import Brake
from inference.runtime.session import Runner


@dataclass(slots=True, eq=False)
class _Ticket:
    image: NDArray[np.float32]
    brake: Brake
    logits: NDArray[np.float32] | None = None
    error: Exception | None = None
    done: threading.Event = field(default_factory=threading.Event)


IDLE_S = 2.0
"""After so long without a tile, working memory is given back."""


class Together:
    """A session that threads may share: what waits while it runs goes through it next, as one.

    Nobody waits for company: a tile that finds the session free runs alone. Tiles of one batch are
    of one shape; each thread gets its own logits or its own error.
    """

    held_bytes = 0
    """What the last tiles left with the session, for the next ones to use."""

    def __init__(self, session: Runner, most_voxels: int) -> None:
        """`most_voxels` of input go through at once, or else a single tile."""
        self._session, self._most = session, most_voxels
        self._turn, self._lock = threading.Lock(), threading.Lock()
        self._waiting: list[_Ticket] = []
        self._idle: threading.Timer | None = None

    def run(self, image: NDArray[np.float32], brake: Brake | None = None) -> NDArray[np.float32]:
        """Logits of (1, c, *spatial); raises what the session raises, and JobLost."""
        mine = _Ticket(image, brake or Brake())
        self._stay()
        with self._lock:
            self._waiting.append(mine)
        with self._turn:
            if not mine.done.is_set():  # nobody took it along
                self._lead(mine)
        mine.brake.check()
        if mine.error is not None:
            raise mine.error
        if mine.logits is None:
            raise RuntimeError("A tile came back from its batch without logits.")
        return mine.logits

    def rest(self) -> None:
        """As the session's."""
        self._stay()
        with self._turn:
            self._session.rest()
            self.held_bytes = 0

    def rest_soon(self, held_bytes: int) -> None:
        """Rests once it has been idle; to take memory anew costs the next scan some time."""
        self._stay()
        self.held_bytes = held_bytes
        self._idle = threading.Timer(IDLE_S, self.rest)
        self._idle.daemon = True
        self._idle.start()

    def _stay(self) -> None:
        if self._idle is not None:
            self._idle.cancel()

    def _lead(self, mine: _Ticket) -> None:
        """Runs a ticket with what else is waiting, and serves all of them."""
        with self._lock:
            alike = [
                t for t in self._waiting if t is not mine and t.image.shape == mine.image.shape
            ]
            room = max(1, self._most // mine.image[0, 0].size)
            batch = [mine, *alike[: room - 1]]
            self._waiting = [t for t in self._waiting if t not in batch]
        if len(batch) > 1 and self._ran(batch):
            return
        for ticket in batch:  # alone, so that one that fails spoils no other
            try:
                ticket.logits = self._session.run(ticket.image, ticket.brake)
            except Exception as error:  # noqa: BLE001 - whatever it is, its own thread is told
                ticket.error = error
            ticket.done.set()

    def _ran(self, batch: list[_Ticket]) -> bool:
        """Whether all went through together."""
        try:
            logits = self._session.run(np.concatenate([ticket.image for ticket in batch]))
        except Exception:  # noqa: BLE001 - each is tried again by itself, and says what is wrong
            return False
        for ticket, own in zip(batch, logits, strict=True):
            ticket.logits = own[None]
            ticket.done.set()
        return True
