"""Loaded networks: each loaded once per device; the least recently used are unloaded."""

import threading
import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from inference.batching import BatchingSession
from inference.cancellation import CancelToken
from inference.device import Device, cores
from inference.kept_results import KeptResults, key_of
from inference.networks.session import Session
from inference.planner import UNKNOWN_BYTES
from inference.run_context import RunContext
from inference.waiting_locks import KeyedLocks, holding
from models.card import ModelCard
from models.registry import Model
from models.tile_rules import tile_rules

_WEIGHT_COPIES = 3
"""How often a runtime holds a network's weights: as read, unfolded, arranged for its kernels."""
_NETWORK_BYTES = 4 << 20
"""Memory of the smallest loaded network."""
_BATCH_BYTES = 1 << 30
"""Most working memory of tiles that go through a network together."""
_TILE_LIMIT_S = 600.0
"""How long tiles stay smaller after memory was short, in seconds."""
_MEASUREMENT_VALID_S = 30 * 86_400.0
"""How long a measurement is valid, in seconds. On a busy machine a network seems slow, which makes
tiles smaller and costs a tenth of the time at most (`inference.planner.SLACK`)."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a network needs on a device."""

    voxels_per_second: float | None
    """Of its input; None: not measured."""
    bytes_per_voxel: float | None
    """Working memory per input voxel; None where it cannot be measured."""


_UNMEASURED = Measurement(None, None)


@dataclass(slots=True)
class LoadedNetwork:
    """A network that is ready, and what was measured about it."""

    session: BatchingSession
    bytes: int
    """Memory that it needs while idle."""
    measured: Measurement
    file: Path
    state: object
    """Of the file when the network was loaded."""
    _limit: tuple[int, float] | None = None
    """Bytes of a tile, and the time (monotonic seconds) when the limit was set."""

    def limit_tiles(self, tile_bytes: int) -> None:
        """Keeps tiles within `tile_bytes` for some minutes, since larger ones did not fit."""
        self._limit = tile_bytes, time.monotonic()

    @property
    def is_installed(self) -> bool:
        """Whether its file is still there and was not replaced, so that a job may need it."""
        return self.state is not None and _state(self.file) == self.state

    @property
    def tile_limit_bytes(self) -> int | None:
        """Most bytes that a tile may need; None: no limit."""
        if self._limit is None or time.monotonic() > self._limit[1] + _TILE_LIMIT_S:
            return None
        return self._limit[0]


class SessionCache:
    """Networks by checksum and device, within `budget_bytes` except for the one in use.

    Others are unloaded before a network is loaded, not after.
    """

    def __init__(
        self,
        budget_bytes: int,
        threads: int = 0,
        cache: Path | None = None,
        batch_bytes: int = _BATCH_BYTES,
    ) -> None:
        """`threads` 0: all cores. `cache`: folder for compiled networks and measurements of them.
        `batch_bytes`: most working memory of tiles that go through a network together."""
        self._budget, self._threads = budget_bytes, threads
        self._compiled = cache and cache / "compiled"
        self._kept = KeptResults(cache and cache / "measured", _MEASUREMENT_VALID_S)
        self._batch_bytes = min(batch_bytes, _BATCH_BYTES)
        self._loaded: OrderedDict[tuple[str, Device], LoadedNetwork] = OrderedDict()
        self._lock = threading.Lock()
        self._loading, self._measuring = KeyedLocks(), threading.Lock()

    def get(
        self,
        model: Model,
        device: Device,
        context: RunContext | None = None,
        measured: Measurement | None = None,
    ) -> LoadedNetwork:
        """The network, loaded by this call or an earlier one; other networks load meanwhile.

        `measured`: of a network with the same layers, so that this one need not be measured.
        Raises BadModel where the device does not load the network, MemoryError where it does not
        fit even alone, and JobLost once the run is cancelled.
        """
        key, context = (model.card.sha256, device), context or RunContext()
        with self._loading.holding(key, context):
            loaded = self._loaded_before(key) or self._load_evicting(
                model, device, context, measured
            )
            with self._lock:
                self._loaded[key] = loaded
                self._loaded.move_to_end(key)
                self._make_room(0, least=1)
            return loaded

    def unmeasured(self, model: Model, device: Device, context: RunContext) -> LoadedNetwork:
        """The network for a single run: if it is not loaded, it is neither measured nor kept.

        Raises what `get` raises.
        """
        loaded = self._loaded_before((model.card.sha256, device))
        if loaded is not None:
            return loaded
        session = Session(model.verified, device, self._threads, self._compiled)
        context.token.check()
        return self._network(session, model, _UNMEASURED)

    def has_measured(self, card: ModelCard, device: Device) -> bool:
        """Whether a valid measurement of the network is kept, so that `get` measures nothing."""
        return self._kept_measurement(card, device) is not None

    def _loaded_before(self, key: tuple[str, Device]) -> LoadedNetwork | None:
        with self._lock:
            return self._loaded.get(key)

    def _load_evicting(
        self, model: Model, device: Device, context: RunContext, measured: Measurement | None
    ) -> LoadedNetwork:
        """Unloads networks that were removed, and others until there is enough memory."""
        with self._lock:
            for key in [key for key, loaded in self._loaded.items() if not loaded.is_installed]:
                del self._loaded[key]
            self._make_room(_idle_bytes(model))
        while True:
            try:
                return self._load(model, device, context, measured)
            except MemoryError:
                with self._lock:
                    if not self._loaded:
                        raise
                    self._loaded.popitem(last=False)

    def _make_room(self, wanted: int, least: int = 0) -> None:
        """Unloads all but `least` networks until `wanted` bytes fit beside the others."""
        while len(self._loaded) > least and self._bytes() + wanted > self._budget:
            self._loaded.popitem(last=False)

    def _load(
        self, model: Model, device: Device, context: RunContext, measured: Measurement | None
    ) -> LoadedNetwork:
        kept = measured or self._kept_measurement(model.card, device)
        if kept is None:  # nor was it compiled on this machine
            context.on_preparing(True)
            context.on_preparation(f"compiling for {device.precision}", 0, 0)
        session = Session(model.verified, device, self._threads, self._compiled)
        return self._network(session, model, kept or self._measure(session, model.card, context))

    def _network(self, session: Session, model: Model, measured: Measurement) -> LoadedNetwork:
        per_voxel = measured.bytes_per_voxel or model.card.bytes_per_voxel or UNKNOWN_BYTES
        held = per_voxel if session.device.runtime.keeps_memory else 0.0
        batching = BatchingSession(session, int(self._batch_bytes / per_voxel), held)
        file = model.verified
        return LoadedNetwork(batching, _idle_bytes(model), measured, file, _state(file))

    def _kept_measurement(self, card: ModelCard, device: Device) -> Measurement | None:
        """As measured by an earlier process on this machine."""
        with suppress(TypeError):
            return Measurement(**(self._kept.read(self._key(card, device)) or {}))
        return None

    def _measure(self, session: Session, card: ModelCard, context: RunContext) -> Measurement:
        with holding(self._measuring, context):  # another network's tile would change the figures
            context.on_preparation("measuring", 0, 0)
            measured = measure(session, card, context.token)
        if measured.bytes_per_voxel is not None:
            self._kept.write(self._key(card, session.device), asdict(measured), session.device)
        return measured

    def _key(self, card: ModelCard, device: Device) -> str:
        facts = {"threads": self._threads or cores(), "shape": measured_shape(card)}
        return key_of(card, device, **facts)

    def _bytes(self) -> int:
        return sum(loaded.bytes for loaded in self._loaded.values())


def _state(file: Path) -> object:
    """Differs for another file of the same name; None if there is none."""
    with suppress(OSError):
        found = file.stat()
        return found.st_ino, found.st_size, found.st_mtime_ns
    return None


def _idle_bytes(model: Model) -> int:
    """Memory that a loaded network needs while idle."""
    return _NETWORK_BYTES + model.verified.stat().st_size * _WEIGHT_COPIES


def measured_shape(card: ModelCard) -> tuple[int, ...]:
    """The network's input on which it is measured."""
    if card.windows is not None:
        return card.windows.network_patch
    side = 64 if card.dimension == 3 else 512  # on smaller tiles calls cost more than computation
    return tuple(rule.at_least(side) for rule in tile_rules(card))


def measure(session: Session, card: ModelCard, token: CancelToken | None = None) -> Measurement:
    """Speed and working memory on a tile of middle size, or on a window, after a first run, which
    compiles. Raises JobLost when the token is cancelled meanwhile."""
    tile = np.zeros((1, card.components, *measured_shape(card)), np.float32)
    voxels, seconds, used = float(tile[0, 0].size), 0.0, None

    def run() -> None:
        nonlocal seconds
        began = time.perf_counter()
        session.run(tile, token)
        seconds = time.perf_counter() - began

    with suppress(MemoryError):
        run()
        session.release_memory()
        used = session.device.runtime.memory.used_bytes(run)
    least = 4.0 * (card.components + len(card.outputs))  # input and output alone
    return Measurement(voxels / max(seconds, 1e-6), used and max(least, used / voxels))
