"""Networks in memory: each loaded once for a device, the least used let go."""

import threading
import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inference.batching import BatchingSession
from inference.device import Device
from inference.networks.session import Session
from inference.planner import UNKNOWN_BYTES, rules
from models.card import ModelCard
from models.registry import Model

_COPIES = 3
"""A runtime keeps a network's weights about so often: as read, unfolded, laid out for kernels."""
_BATCH_BYTES = 1 << 30
"""Working memory of tiles that go through a network together, at most."""
_SHORT_S = 600.0
"""So long a want of memory is remembered."""


@dataclass(slots=True)
class LoadedNetwork:
    """A network that is ready, and what has been found out about it."""

    session: BatchingSession
    bytes: int
    """What it takes while it waits."""
    voxels_per_second: float
    """Of its input."""
    bytes_per_voxel: float | None
    """Working memory of its input, where that could be measured."""
    _short: tuple[int, float] | None = None

    def remember(self, most_bytes: int) -> None:
        """A tile that was thought to need more did not fit into memory."""
        self._short = most_bytes, time.monotonic()

    @property
    def most_bytes(self) -> int | None:
        """What a tile may need at most, for some minutes after memory was short."""
        if self._short is None or time.monotonic() > self._short[1] + _SHORT_S:
            return None
        return self._short[0]


class SessionCache:
    """Sessions by network and device, within `budget_bytes` but for the one in use."""

    def __init__(
        self,
        budget_bytes: int,
        threads: int = 0,
        cache: Path | None = None,
        batch_bytes: int = _BATCH_BYTES,
    ) -> None:
        """`threads` 0: all cores. `cache`: a folder for what runtimes compile. `batch_bytes`: the
        most working memory of tiles that go through a network together."""
        self._budget, self._threads, self._cache = budget_bytes, threads, cache
        self._batch_bytes = min(batch_bytes, _BATCH_BYTES)
        self._loaded: OrderedDict[tuple[str, Device], LoadedNetwork] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, model: Model, device: Device) -> LoadedNetwork:
        """Raises BadModel where the device does not take the network, MemoryError where it does
        not fit even alone."""
        key = (model.card.sha256, device)
        with self._lock:
            if key not in self._loaded:
                self._loaded[key] = self._with_room(model, device)
            self._loaded.move_to_end(key)
            while len(self._loaded) > 1 and self._bytes() > self._budget:
                self._loaded.popitem(last=False)
            return self._loaded[key]

    def _with_room(self, model: Model, device: Device) -> LoadedNetwork:
        """Where memory does not suffice, others are let go."""
        while True:
            try:
                return self._load(model, device)
            except MemoryError:
                if not self._loaded:
                    raise
                self._loaded.popitem(last=False)

    def _load(self, model: Model, device: Device) -> LoadedNetwork:
        session = Session(model.verified, device, self._threads, self._cache)
        size = model.network.stat().st_size * _COPIES
        pace, measured = _tried(session, model.card)
        per_voxel = measured or model.card.bytes_per_voxel or UNKNOWN_BYTES
        held = per_voxel if device.runtime.keeps_memory else 0.0
        together = BatchingSession(session, int(self._batch_bytes / per_voxel), held)
        return LoadedNetwork(together, size, pace, measured)

    def _bytes(self) -> int:
        return sum(loaded.bytes for loaded in self._loaded.values())


def _tried(session: Session, card: ModelCard) -> tuple[float, float | None]:
    """Input voxels per second, and working memory per voxel where that can be measured.

    Of a middling tile, after a first run, which compiles.
    """
    side = 64 if card.dimension == 3 else 512  # below, calling weighs more than computing
    shape = tuple(rule.at_least(max(side, rule.align + 2 * rule.margin)) for rule in rules(card))
    tile = np.zeros((1, card.components, *shape), np.float32)
    voxels, seconds, taken = float(tile[0, 0].size), 0.0, None
    with suppress(MemoryError):
        session.run(tile)
        session.release_memory()
        taken = session.device.runtime.memory.used_bytes(lambda: session.run(tile))
        began = time.perf_counter()
        session.run(tile)
        seconds = time.perf_counter() - began
    least = 4.0 * (card.components + len(card.outputs))  # what goes in and comes out
    return voxels / max(seconds, 1e-6), taken and max(least, taken / voxels)
