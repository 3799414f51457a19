"""Runs segmentations: opens scans, chooses device and precision, writes masks."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from numpy.typing import NDArray

from imaging.errors import BadModel, TesseraError
from imaging.formats import registry
from imaging.formats.limits import Limits
from imaging.formats.mask_file import write
from imaging.formats.sniff import open_scan
from imaging.given_mask import take_given_mask
from imaging.overlay import preview
from imaging.same_grid import label_view
from imaging.scan import Scan
from inference.cascade import Cascade
from inference.device import Device, choose
from inference.given_mask import crop_box, cropped_channels, pasted, starting_mask
from inference.kept_results import KeptResults
from inference.memory import PROCESSOR_MEMORY
from inference.network_input import check
from inference.networks.session import Runner
from inference.options import UNCHECKED, RunOptions
from inference.pipeline import Result, segment
from inference.planner import Budget
from inference.precision_gate import (
    PrecisionGate,
    SampleComparison,
    SampleMask,
    Verdict,
    compare_sample,
)
from inference.report import report, report_of_given
from inference.run_context import RunContext
from inference.runtime_registry import AUTO, REFERENCE, runtime_named
from inference.segmentation_output import SegmentationOutput
from inference.session_cache import LoadedNetwork, SessionCache
from inference.windows.window_run import OpenNetwork
from models.card import ModelCard
from models.registry import Model, Registry

__all__ = ["Engine", "Limits", "Model", "Registry", "save"]
"""Includes the parts of an engine, for callers that may import neither `models` nor `imaging`."""


MODEL_BYTES = 2 << 30
"""Memory of the networks that stay loaded."""


@dataclass(frozen=True, slots=True)
class ReadyNetwork:
    """A loaded network, and where it runs."""

    device: Device
    loaded: LoadedNetwork
    fallback: str = ""
    """Why the processor is used instead of a GPU, in one sentence; empty: it is not."""
    verdict: Verdict | None = None
    """Whether the network tolerates the hardware's lowest precision; None: not checked."""


class Engine:
    """Segments scans, several at once from several threads; networks stay loaded in between."""

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
        """`memory_bytes`: memory of a job's tiles; 0: half of what is free when the job starts, on
        the GPU for a job that runs there. `threads` 0: all cores. `scratch`: folder for arrays
        larger than memory. `cache`: folder for compiled networks, measurements of them and the
        results of precision checks. `model_bytes`: memory of the networks that stay loaded.
        """
        self._registry = registry
        self._device = device
        self._memory = memory_bytes
        self._scratch = scratch
        self._limits = limits or Limits()
        batch_bytes = memory_bytes or PROCESSOR_MEMORY.budget_bytes()
        self._sessions = SessionCache(model_bytes, threads, cache, batch_bytes)
        self._gate = PrecisionGate(KeptResults(cache and cache / "verdicts"))

    def segment(
        self,
        scans: Mapping[str, Path],
        model: str,
        out: Path,
        options: RunOptions | None = None,
        context: RunContext | None = None,
        sha256: str | None = None,
    ) -> SegmentationOutput:
        """Segments one subject into the folder `out`: mask, preview image, report.

        `scans`: channel name -> file. `sha256`: checksum of the requested network; raises BadModel
        where the model of that name has another one. Raises JobLost once the run is cancelled.
        """
        started = perf_counter()
        loaded = self._registry.get(model)
        _check_checksum(loaded, sha256)
        options, context = options or RunOptions(), context or RunContext()
        opened = {
            name: open_scan(path, self._limits, self._scratch) for name, path in scans.items()
        }
        given = _given_mask(opened, loaded.card, options)
        check(opened, loaded.card)
        first = opened[loaded.card.channels[0].name]
        if given is not None and options.starts_from_mask:
            output = self._start(given, first, loaded.card, out, context)
        else:
            result, device = self._run_in_box(opened, loaded, given, options, context)
            saved = save(result, first, loaded.card, device, out)
            output = replace(saved, fallback=result.fallback)
        output.report["seconds"]["total"] = round(perf_counter() - started, 4)
        return output

    def _start(
        self, given: Scan, first: Scan, card: ModelCard, out: Path, context: RunContext
    ) -> SegmentationOutput:
        """The given mask as the result; no network runs."""
        context.on_tile(0, 1)
        mask = starting_mask(label_view(given, first), card, self._scratch)
        context.token.check()
        return save_mask(mask, first, card, report_of_given(mask, first, card), out)

    def _run_in_box(
        self,
        opened: Mapping[str, Scan],
        model: Model,
        given: Scan | None,
        options: RunOptions,
        context: RunContext,
    ) -> tuple[Result, Device]:
        """As `run`; the channels are cropped to the labels of the given mask, if there is one."""
        if given is None:
            return self.run(opened, model, options, context)
        first = opened[model.card.channels[0].name]
        box = crop_box(label_view(given, first), options.margin_mm)
        scans = cropped_channels(opened, model.card, box)
        result, device = self.run(scans, model, options, context)
        mask = pasted(result.mask, box, first.grid, self._scratch)
        return replace(result, mask=mask, box=box), device

    def run(
        self,
        scans: Mapping[str, Scan],
        model: Model,
        options: RunOptions | None = None,
        context: RunContext | None = None,
    ) -> tuple[Result, Device]:
        """The mask of opened scans, in memory, and the device that it was computed on.

        Channels that no scan is given for are filled by the models that the card names.
        """
        options = options or RunOptions()
        context = replace(context or RunContext(), scratch=self._scratch)
        check(scans, model.card)
        cascade = Cascade.of(model, scans, self._registry)
        scans, context = cascade.filled(scans, self._mask, options, context)
        ready = self._ready(model, options, context)
        budget = self._budget(ready.loaded, ready.device)
        members = self._members(model, ready.device, ready.loaded, context)
        result = segment(scans, model.card, ready.loaded.session, budget, options, context, members)
        if result.shrunk_to is not None:
            ready.loaded.limit_tiles(result.shrunk_to)
        result = replace(result, fallback=ready.fallback, earlier=cascade.masks)
        return result, ready.device

    def _mask(
        self, scans: Mapping[str, Scan], model: Model, options: RunOptions, context: RunContext
    ) -> NDArray[Any]:
        return self.run(scans, model, options, context)[0].mask

    def models(self) -> list[Model]:
        """The models that it can run, sorted by name."""
        return self._registry.all()

    def prepare(
        self,
        model: Model,
        context: RunContext | None = None,
        options: RunOptions | None = None,
    ) -> ReadyNetwork:
        """Loads, measures and checks the network as its jobs would do, so that they need not.

        Raises JobLost once the run is cancelled.
        """
        return self._ready(model, options or RunOptions(), context or RunContext())

    def is_prepared(self, model: Model) -> bool:
        """Whether the results for the network are kept on this machine, so that a job measures
        nothing."""
        device = choose(self._device, AUTO)
        if device.precision != "fp32":
            verdict = self._gate.kept_verdict(model, device)
            if verdict is None:
                return False
            device = device if verdict.passed else replace(device, precision="fp32")
        return self._sessions.has_measured(model.networks[0].card, device)

    def compare_sample(self, model: Model) -> SampleComparison:
        """The model's sample in fp32 and in the device's lowest precision, unchecked."""
        device = choose(self._device, UNCHECKED)
        return compare_sample(model, device, self._sample_mask(model, RunContext()))

    def _ready(self, model: Model, options: RunOptions, context: RunContext) -> ReadyNetwork:
        """The network, loaded on its device in the lowest precision that it tolerates.

        With `auto`, a network that the best runtime does not load runs on the reference runtime.
        """
        try:
            return self._chosen(model, options, context)
        finally:
            context.on_preparing(False)

    def _chosen(self, model: Model, options: RunOptions, context: RunContext) -> ReadyNetwork:
        name = options.device if options.device != AUTO else self._device
        device = choose(name, options.precision)
        try:
            verdict = self._verdict(model, device, options, context)
            if verdict is not None and not verdict.passed:
                device = replace(device, precision="fp32")
            loaded = self._sessions.get(model.networks[0], device, context)
            return ReadyNetwork(device, loaded, verdict=verdict)
        except (BadModel, MemoryError) as error:
            if name != AUTO or device.name == REFERENCE:
                raise
            fallback = _fallback(device, error)
        device = choose(REFERENCE, options.precision)
        loaded = self._sessions.get(model.networks[0], device, context)
        return ReadyNetwork(device, loaded, fallback)

    def _verdict(
        self, model: Model, device: Device, options: RunOptions, context: RunContext
    ) -> Verdict | None:
        """Whether the network tolerates the device's precision; None where that is not asked.

        Each tile of the sample is reported as part of the preparation: it keeps the job's lease
        alive and lets the job be cancelled, but is no progress.
        """
        if device.precision == "fp32" or options.precision == UNCHECKED:
            return None
        return self._gate.verdict(model, device, self._sample_mask(model, context), context)

    def _sample_mask(self, model: Model, context: RunContext) -> SampleMask:
        quiet = RunContext(
            on_tile=lambda _done, _all: context.on_preparing(True),
            token=context.token,
            on_preparing=context.on_preparing,
        )

        def mask(device: Device, scans: Mapping[str, Scan]) -> NDArray[Any]:
            fp32 = device.precision == "fp32"
            network = self._sessions.unmeasured if fp32 else self._sessions.get
            loaded = network(model.networks[0], device, context)  # jobs seldom use fp32 afterwards
            budget, card = self._budget(loaded, device), model.card
            members = self._members(model, device, loaded, context)
            try:
                result = segment(
                    scans, card, loaded.session, budget, context=quiet, members=members
                )
                return result.mask
            finally:  # the sample may be far larger than the scans of jobs
                loaded.session.release_memory()

        return mask

    def _members(
        self, model: Model, device: Device, first: LoadedNetwork, context: RunContext
    ) -> list[OpenNetwork]:
        """The further networks of a model; each is loaded when it is needed, and others are
        unloaded for it where memory is short."""

        def opened(network: Model) -> Runner:
            return self._sessions.get(network, device, context, first.measured).session

        return [partial(opened, network) for network in model.networks[1:]]

    def _budget(self, loaded: LoadedNetwork, device: Device) -> Budget:
        free = device.runtime.memory.budget_bytes() + loaded.session.held_bytes // 2
        memory = int(min(self._memory or free, loaded.tile_limit_bytes or math.inf))
        measured = loaded.measured
        own_memory = device.runtime.hardware != runtime_named(REFERENCE).hardware
        host = PROCESSOR_MEMORY.budget_bytes() if own_memory else None
        return Budget(memory, measured.voxels_per_second, measured.bytes_per_voxel, host)


def _fallback(device: Device, error: TesseraError | MemoryError) -> str:
    """The sentence for a run on the processor; empty if `device` is on the processor, too."""
    if device.runtime.hardware == runtime_named(REFERENCE).hardware:
        return ""
    reason = error.detail if isinstance(error, TesseraError) else str(error)
    reason = reason or f"Memory is short on {device.name}."
    return f"The processor was used instead of the GPU: {reason[:1].lower()}{reason[1:]}"


def save(
    result: Result, scan: Scan, card: ModelCard, device: Device, out: Path
) -> SegmentationOutput:
    """Writes mask and preview image into the folder `out`.

    The mask is written in the first format that it fits (`imaging.formats.registry.stored_for`).
    """
    return save_mask(result.mask, scan, card, report(result, scan, card, device), out)


def save_mask(
    mask: NDArray[Any], scan: Scan, card: ModelCard, facts: dict[str, Any], out: Path
) -> SegmentationOutput:
    """As `save`, for a mask whose report, `facts`, has been made."""
    out.mkdir(parents=True, exist_ok=True)
    stored = registry.stored_for(mask)
    path = out / f"mask{stored.file_ending}"
    write(path, mask, scan)
    image = out / "preview.png"
    preview(scan, mask, {label.value: label.color for label in card.labels}, image)
    return SegmentationOutput(path, stored.name, image, facts)


def _given_mask(opened: dict[str, Scan], card: ModelCard, options: RunOptions) -> Scan | None:
    """Takes the given mask out of the opened scans, if one is used."""
    if options.mask is None:
        return None
    return take_given_mask(opened, [channel.name for channel in card.channels])


def _check_checksum(model: Model, sha256: str | None) -> None:
    if sha256 is not None and model.card.checksum != sha256:
        raise BadModel(
            f"The network of {model.card.name} on this worker has the checksum "
            f"{model.card.checksum[:12]}...",
            expected=f"The job needs the network with the checksum {sha256[:12]}...",
            hint="Add the same model to every worker, or submit the job again.",
        )
