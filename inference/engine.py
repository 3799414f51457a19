"""Runs segmentations: keeps networks loaded, opens scans, writes masks."""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np

from imaging.errors import BadModel
from imaging.formats.limits import Limits
from imaging.formats.nifti import write_mask_volume
from imaging.formats.raster import LARGEST_IN_PNG, write_mask_png
from imaging.formats.sniff import open_scan
from imaging.overlay import preview
from imaging.scan import Scan
from inference.brake import Brake
from inference.options import RunOptions
from inference.outcome import Outcome
from inference.pipeline import Result, segment
from inference.planner import Budget, free_bytes, rules
from inference.report import report
from inference.runtime import Device, Session, choose
from models.card import ModelCard
from models.registry import Model, Registry

__all__ = ["Engine", "Limits", "Registry", "save"]
"""With what an engine is made of, for callers that know neither `models` nor `imaging`."""


@dataclass(frozen=True, slots=True)
class _Loaded:
    session: Session
    voxels_per_second: float


class Engine:
    """Segments scans one after another; each network is loaded once per device and precision."""

    def __init__(
        self,
        registry: Registry,
        device: str = "auto",
        memory_bytes: int = 0,
        threads: int = 0,
        scratch: Path | None = None,
        limits: Limits | None = None,
    ) -> None:
        """`memory_bytes` 0: half of what is free when a job starts; `threads` 0: all cores."""
        self._registry = registry
        self._device = device
        self._memory = memory_bytes
        self._threads = threads
        self._scratch = scratch
        self._limits = limits or Limits()
        self._loaded: dict[tuple[str, Device], _Loaded] = {}
        self._lock = threading.Lock()

    def segment(
        self,
        scans: Mapping[str, Path],
        model: str,
        out: Path,
        options: RunOptions | None = None,
        on_tile: Callable[[int, int], None] = lambda _done, _all: None,
        brake: Brake | None = None,
        sha256: str | None = None,
    ) -> Outcome:
        """Segments one subject into the folder `out`: mask, preview picture, report.

        `scans`: channel name -> file. `sha256`: the network that was asked for; another one of the
        same name raises BadModel. Raises JobLost once the brake is pulled.
        """
        started = perf_counter()
        found = self._registry.get(model)
        _same(found, sha256)
        opened = {
            name: open_scan(path, self._limits, self._scratch) for name, path in scans.items()
        }
        result, device = self.run(opened, found, options or RunOptions(), on_tile, brake or Brake())
        first = opened[found.card.channels[0].name]
        outcome = save(result, first, found.card, device, out)
        outcome.report["seconds"]["total"] = round(perf_counter() - started, 4)
        return outcome

    def run(
        self,
        scans: Mapping[str, Scan],
        model: Model,
        options: RunOptions,
        on_tile: Callable[[int, int], None],
        brake: Brake,
    ) -> tuple[Result, Device]:
        """The mask of scans that are open already, in memory."""
        wish = options.device if options.device != "auto" else self._device
        device = choose(wish, options.precision)
        loaded = self._load(model, device)
        budget = Budget(self._memory or free_bytes(), loaded.voxels_per_second)
        result = segment(scans, model.card, loaded.session, budget, options, on_tile, brake)
        return result, device

    def _load(self, model: Model, device: Device) -> _Loaded:
        key = (model.card.sha256, device)
        with self._lock:
            if key not in self._loaded:
                session = Session(model.verified, device, self._threads)
                self._loaded[key] = _Loaded(session, _pace(session, model.card))
            return self._loaded[key]


def save(result: Result, scan: Scan, card: ModelCard, device: Device, out: Path) -> Outcome:
    """Writes mask and preview into the folder `out`.

    A picture's mask is a PNG, or, with more objects than one can number, a NIfTI on the grid of
    `write_volume`.
    """
    out.mkdir(parents=True, exist_ok=True)
    told = report(result, scan, card, device)
    if scan.dimension == 2 and result.mask.max(initial=0) <= LARGEST_IN_PNG:
        mask, kind = out / "mask.png", "png"
        write_mask_png(mask, result.mask)
    else:
        mask, kind = out / "mask.nii.gz", "nifti"
        write_mask_volume(mask, result.mask, scan)
    picture = out / "preview.png"
    preview(scan, result.mask, {label.value: label.color for label in card.labels}, picture)
    return Outcome(mask, kind, picture, told)


def _same(model: Model, sha256: str | None) -> None:
    if sha256 is not None and model.card.sha256 != sha256:
        raise BadModel(
            f"The model {model.card.name} here has checksum {model.card.sha256[:12]}...",
            expected=f"The job was made for {sha256[:12]}...",
            todo="Add the same model to every worker, or make the job again.",
        )


def _pace(session: Session, card: ModelCard) -> float:
    """Input voxels per second, from the second run of a small tile (the first one compiles)."""
    least = 32 if card.dimension == 3 else 128  # below, calling costs more than computing
    shape = tuple(rule.at_least(max(least, rule.align + 2 * rule.margin)) for rule in rules(card))
    tile = np.zeros((1, card.components, *shape), np.float32)
    seconds = 0.0
    with suppress(MemoryError):
        for _ in range(2):
            began = perf_counter()
            session.run(tile)
            seconds = perf_counter() - began
    return float(tile[0, 0].size) / max(seconds, 1e-6)
