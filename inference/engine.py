"""Runs segmentations: opens scans, picks device and precision, writes masks."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

from numpy.typing import NDArray

from imaging.errors import BadModel
from imaging.formats.limits import Limits
from imaging.formats.mask_file import SUFFIXES, write
from imaging.formats.png_write import LARGEST_IN_PNG
from imaging.formats.sniff import open_scan
from imaging.overlay import preview
from imaging.scan import Scan
from inference.cancellation import CancelToken
from inference.device import Device, choose
from inference.memory import PROCESSOR_MEMORY
from inference.options import RunOptions
from inference.pipeline import OnTile, Result, segment
from inference.planner import Budget
from inference.precision_gate import PrecisionGate
from inference.report import report
from inference.runtime_registry import AUTO, REFERENCE
from inference.sample_scans import sample_scans
from inference.segmentation_output import SegmentationOutput
from inference.session_cache import LoadedNetwork, SessionCache
from models.card import ModelCard
from models.registry import Model, Registry

__all__ = ["Engine", "Limits", "Registry", "save"]
"""With what an engine is made of, for callers that know neither `models` nor `imaging`."""


MOST_IN_PNG = 1 << 26
"""Pixels of a mask that is a PNG, which is made and read whole."""
MODEL_BYTES = 2 << 30
"""Memory of the networks that stay loaded."""


class Engine:
    """Segments scans, several at once where threads ask; networks stay loaded between them."""

    def __init__(
        self,
        registry: Registry,
        device: str = AUTO,
        memory_bytes: int = 0,
        threads: int = 0,
        scratch: Path | None = None,
        limits: Limits | None = None,
        cache: Path | None = None,
        model_bytes: int = MODEL_BYTES,
    ) -> None:
        """`memory_bytes` 0: half of what is free when a job starts, on a GPU where it runs on one;
        `threads` 0: all cores.

        `cache`: a folder for what is found out about networks on this machine.
        """
        self._registry = registry
        self._device = device
        self._memory = memory_bytes
        self._scratch = scratch
        self._limits = limits or Limits()
        compiled, verdicts = (cache and cache / name for name in ("compiled", "verdicts"))
        self._sessions = SessionCache(
            model_bytes, threads, compiled, memory_bytes or PROCESSOR_MEMORY.budget_bytes()
        )
        self._gate = PrecisionGate(verdicts)

    def segment(
        self,
        scans: Mapping[str, Path],
        model: str,
        out: Path,
        options: RunOptions | None = None,
        on_tile: Callable[[int, int], None] = lambda _done, _all: None,
        token: CancelToken | None = None,
        sha256: str | None = None,
    ) -> SegmentationOutput:
        """Segments one subject into the folder `out`: mask, preview picture, report.

        `scans`: channel name -> file. `sha256`: the network that was asked for; another one of the
        same name raises BadModel. Raises JobLost once the token is pulled.
        """
        started = perf_counter()
        found = self._registry.get(model)
        _same(found, sha256)
        opened = {
            name: open_scan(path, self._limits, self._scratch) for name, path in scans.items()
        }
        result, device = self.run(
            opened, found, options or RunOptions(), on_tile, token or CancelToken()
        )
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
        token: CancelToken,
    ) -> tuple[Result, Device]:
        """The mask of scans that are open already, in memory."""
        device, loaded = self._ready(model, options, token, on_tile)
        budget = self._budget(loaded, device)
        result = segment(
            scans, model.card, loaded.session, budget, options, on_tile, token, self._scratch
        )
        if result.shrunk_to is not None:
            loaded.remember(result.shrunk_to)
        return result, device

    def prepare(self, model: Model) -> Device:
        """Loads the network and finds out how it may run here; gives the device of its jobs."""
        return self._ready(model, RunOptions(), CancelToken(), lambda _done, _all: None)[0]

    def _ready(
        self, model: Model, options: RunOptions, token: CancelToken, on_tile: OnTile
    ) -> tuple[Device, LoadedNetwork]:
        """The network on the best device, or on the processor where that does not take it; in the
        precision that it may have."""
        wish = options.device if options.device != AUTO else self._device
        device = choose(wish, options.precision)
        try:
            device = self._admitted(model, device, token, on_tile)
            return device, self._sessions.get(model, device)
        except (BadModel, MemoryError):
            if wish != AUTO or device.name == REFERENCE:
                raise
        device = choose(REFERENCE, options.precision)
        return device, self._sessions.get(model, device)

    def _admitted(
        self, model: Model, device: Device, token: CancelToken, on_tile: OnTile
    ) -> Device:
        """The device, in fp32 where the network does not bear less.

        Tiles of the sample count as none of the job's, but are told: it is alive, and can be asked
        to stop.
        """
        if device.precision == "fp32":
            return device

        def mask(device: Device) -> NDArray[Any]:
            scans, loaded = sample_scans(model.card), self._sessions.get(model, device)
            budget, options = self._budget(loaded, device), RunOptions()
            return segment(
                scans,
                model.card,
                loaded.session,
                budget,
                options,
                lambda _done, _all: on_tile(0, 1),
                token,
            ).mask

        verdict = self._gate.verdict(model.card, device, mask)
        return device if verdict.passed else replace(device, precision="fp32")

    def _budget(self, loaded: LoadedNetwork, device: Device) -> Budget:
        most = loaded.most_bytes or math.inf
        free = device.runtime.memory.budget_bytes() + loaded.session.held_bytes // 2
        room = int(min(self._memory or free, most))
        return Budget(room, loaded.voxels_per_second, loaded.bytes_per_voxel)


def save(
    result: Result, scan: Scan, card: ModelCard, device: Device, out: Path
) -> SegmentationOutput:
    """Writes mask and preview into the folder `out`.

    A volume's mask is a NIfTI; a picture's a PNG, or, with more pixels than MOST_IN_PNG or more
    objects than a PNG can number, a tiled OME-TIFF.
    """
    out.mkdir(parents=True, exist_ok=True)
    told = report(result, scan, card, device)
    kind = _natural(result.mask)
    mask = out / f"mask{SUFFIXES[kind]}"
    write(mask, result.mask, scan)
    picture = out / "preview.png"
    preview(scan, result.mask, {label.value: label.color for label in card.labels}, picture)
    return SegmentationOutput(mask, kind, picture, told)


def _natural(mask: NDArray[Any]) -> str:
    """The format that the mask has by itself."""
    if mask.ndim == 3:
        return "nifti"
    fits = mask.size <= MOST_IN_PNG and mask.max(initial=0) <= LARGEST_IN_PNG
    return "png" if fits else "ome-tiff"


def _same(model: Model, sha256: str | None) -> None:
    if sha256 is not None and model.card.sha256 != sha256:
        raise BadModel(
            f"The model {model.card.name} here has checksum {model.card.sha256[:12]}...",
            expected=f"The job was made for {sha256[:12]}...",
            hint="Add the same model to every worker, or make the job again.",
        )
