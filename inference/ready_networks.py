"""Loads networks, and chooses their device, their precision and the memory of their tiles."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from imaging.errors import BadModel, TesseraError
from imaging.scan import Scan
from inference.device import Device, choose
from inference.kept_references import KeptReferences
from inference.kept_results import KeptResults
from inference.memory import PROCESSOR_MEMORY
from inference.networks.session import Runner
from inference.options import UNCHECKED, RunOptions
from inference.pipeline import segment
from inference.planner import Budget
from inference.precision_gate import (
    PrecisionGate,
    SampleComparison,
    SampleMask,
    Verdict,
    compare_sample,
)
from inference.reference_outcome import ReferenceOutcome
from inference.run_context import RunContext, Step
from inference.runtime_registry import AUTO, REFERENCE, runtime_named
from inference.session_cache import LoadedNetwork, SessionCache
from inference.windows.window_run import OpenNetwork
from models.registry import Model

_NOT_CHECKED = Verdict(
    False, "Its reference case, on which a lower precision is checked, was not run here yet."
)


@dataclass(frozen=True, slots=True)
class ReadyNetwork:
    """A loaded network, and where it runs."""

    device: Device
    loaded: LoadedNetwork
    fallback: str = ""
    """Why the processor is used instead of a GPU, in one sentence; empty: it is not."""
    verdict: Verdict | None = None
    """Whether the network tolerates the hardware's lowest precision; None: not checked."""
    reference: ReferenceOutcome | None = None
    """The outcome of the reference case on this device; None: it was not run, or there is none."""


class ReadyNetworks:
    """The networks of an engine; each is loaded once per device, checked and measured."""

    def __init__(
        self, device: str, memory_bytes: int, threads: int, cache: Path | None, model_bytes: int
    ) -> None:
        """See `Engine`."""
        self._device = device
        self._memory = memory_bytes
        batch_bytes = memory_bytes or PROCESSOR_MEMORY.budget_bytes()
        self._sessions = SessionCache(model_bytes, threads, cache, batch_bytes)
        self._gate = PrecisionGate(KeptResults(cache and cache / "verdicts"))
        self.references = KeptReferences(KeptResults(cache and cache / "references"))

    def is_prepared(self, model: Model) -> bool:
        """Whether the results for the network are kept on this machine, so that a job measures
        nothing."""
        device = self._kept_device(model)
        return device is not None and self._sessions.has_measured(model.networks[0].card, device)

    def is_verified(self, model: Model) -> bool:
        """Whether the outcome of the reference case is kept for the device that jobs use."""
        lowest, device = choose(self._device, AUTO), self._kept_device(model)
        checked_by_case = _is_checked_by_case(model) and lowest.precision != "fp32"
        if device is None or (checked_by_case and not self._gate.kept_verdict(model, lowest)):
            return False
        return self.references.get(model.card, device) is not None

    def check_precision(self, model: Model, options: RunOptions, context: RunContext) -> None:
        """Checks on the reference case whether the network tolerates the lowest precision, if the
        card has no other sample. No job waits for this: until it is done, jobs run in fp32."""
        device = self._wanted(options)
        if _is_checked_by_case(model) and device.precision != "fp32":
            self._gate.verdict(model, device, self._sample_mask(model, context), context)

    def _kept_device(self, model: Model) -> Device | None:
        """Where jobs run according to what is kept; None where that is not known."""
        device = choose(self._device, AUTO)
        if device.precision == "fp32":
            return device
        verdict = self._gate.kept_verdict(model, device)
        if verdict is None and model.card.sample is not None:
            return None
        passed = verdict is not None and self._with_reference(verdict, model, device).passed
        return device if passed else replace(device, precision="fp32")

    def _with_reference(self, verdict: Verdict, model: Model, device: Device) -> Verdict:
        """The verdict on a lower precision; negative also where the reference case fails in it."""
        outcome = self.references.get(model.card, device)
        if not verdict.passed or outcome is None or outcome.passed:
            return verdict
        return Verdict(False, outcome.failure)

    def compare_sample(self, model: Model) -> SampleComparison:
        """The model's sample in fp32 and in the device's lowest precision, unchecked."""
        device = choose(self._device, UNCHECKED)
        return compare_sample(model, device, self._sample_mask(model, RunContext()))

    def ready(self, model: Model, options: RunOptions, context: RunContext) -> ReadyNetwork:
        """The network, loaded on its device in the lowest precision that it tolerates.

        With `auto`, a network that the best runtime does not load runs on the reference runtime.
        """
        try:
            with context.step(Step.PREPARE):
                return self._chosen(model, options, context)
        finally:
            context.on_preparing(False)

    def _chosen(self, model: Model, options: RunOptions, context: RunContext) -> ReadyNetwork:
        device = self._wanted(options)
        try:
            verdict = self._verdict(model, device, options, context)
            if verdict is not None and not verdict.passed:
                device = replace(device, precision="fp32")
            loaded = self._sessions.get(model.networks[0], device, context)
            reference = self.references.get(model.card, device)
            return ReadyNetwork(device, loaded, verdict=verdict, reference=reference)
        except (BadModel, MemoryError) as error:
            if self._name(options) != AUTO or device.name == REFERENCE:
                raise
            fallback = _fallback(device, error)
        device = choose(REFERENCE, options.precision)
        loaded = self._sessions.get(model.networks[0], device, context)
        reference = self.references.get(model.card, device)
        return ReadyNetwork(device, loaded, fallback, reference=reference)

    def _name(self, options: RunOptions) -> str:
        return options.device if options.device != AUTO else self._device

    def _wanted(self, options: RunOptions) -> Device:
        """Where a run with these options begins, before anything is checked."""
        return choose(self._name(options), options.precision)

    def _verdict(
        self, model: Model, device: Device, options: RunOptions, context: RunContext
    ) -> Verdict | None:
        """Whether the network tolerates the device's precision; None where that is not asked.

        Each tile of the sample is reported as part of the preparation: it keeps the job's lease
        alive and lets the job be cancelled, but is no progress.
        """
        if device.precision == "fp32" or options.precision == UNCHECKED:
            return None
        if _is_checked_by_case(model):
            verdict = self._gate.kept_verdict(model, device) or _NOT_CHECKED
        else:
            verdict = self._gate.verdict(model, device, self._sample_mask(model, context), context)
        return self._with_reference(verdict, model, device)

    def _sample_mask(self, model: Model, context: RunContext) -> SampleMask:
        def mask(device: Device, scans: Mapping[str, Scan]) -> NDArray[Any]:
            def on_tile(done: int, total: int) -> None:
                context.on_preparing(True)
                context.on_preparation(f"sample in {device.precision}", done, total)

            quiet = RunContext(
                on_tile=on_tile,
                token=context.token,
                on_preparing=context.on_preparing,
                on_preparation=context.on_preparation,
            )
            fp32 = device.precision == "fp32"
            network = self._sessions.unmeasured if fp32 else self._sessions.get
            loaded = network(model.networks[0], device, context)  # jobs seldom use fp32 afterwards
            budget, card = self.budget(loaded, device), model.card
            members = self.members(model, device, loaded, context)
            try:
                result = segment(
                    scans, card, loaded.session, budget, context=quiet, members=members
                )
                return result.mask
            finally:  # the sample may be far larger than the scans of jobs
                loaded.session.release_memory()

        return mask

    def members(
        self, model: Model, device: Device, first: LoadedNetwork, context: RunContext
    ) -> list[OpenNetwork]:
        """The further networks of a model; each is loaded when it is needed, and others are
        unloaded for it where memory is short."""

        def opened(network: Model) -> Runner:
            return self._sessions.get(network, device, context, first.measured).session

        return [partial(opened, network) for network in model.networks[1:]]

    def budget(self, loaded: LoadedNetwork, device: Device) -> Budget:
        free = device.runtime.memory.budget_bytes() + loaded.session.held_bytes // 2
        memory = int(min(self._memory or free, loaded.tile_limit_bytes or math.inf))
        measured = loaded.measured
        own_memory = device.runtime.hardware != runtime_named(REFERENCE).hardware
        host = PROCESSOR_MEMORY.budget_bytes() if own_memory else None
        return Budget(memory, measured.voxels_per_second, measured.bytes_per_voxel, host)


def _is_checked_by_case(model: Model) -> bool:
    """Whether the scan of the reference case is the sample. A network that reads the mask of
    another one has no sample then."""
    card = model.card
    complete = len(card.requested_channels) == len(card.channels)
    return card.sample is None and card.reference is not None and complete


def _fallback(device: Device, error: TesseraError | MemoryError) -> str:
    """The sentence for a run on the processor; empty if `device` is on the processor, too."""
    if device.runtime.hardware == runtime_named(REFERENCE).hardware:
        return ""
    reason = error.detail if isinstance(error, TesseraError) else str(error)
    reason = reason or f"Memory is short on {device.name}."
    return f"The processor was used instead of the GPU: {reason[:1].lower()}{reason[1:]}"
