"""Runs segmentations: opens scans, chooses device and precision, writes masks."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from imaging.errors import BadModel, NotFound
from imaging.formats.limits import Limits
from imaging.formats.sniff import open_scan
from imaging.given_mask import take_given_mask
from imaging.same_grid import label_view
from imaging.scan import Scan
from inference.given_mask import crop_box, cropped_channels, pasted, starting_mask
from inference.model_result import ModelResult
from inference.model_runner import ModelRunner
from inference.network_input import check
from inference.options import RunOptions
from inference.precision_gate import SampleComparison
from inference.ready_networks import ReadyNetwork, ReadyNetworks
from inference.reference_case import reference_mask, reference_scans
from inference.reference_outcome import ReferenceOutcome, compared
from inference.report import report_of_given
from inference.run_context import RunContext, Step
from inference.runtime_registry import AUTO
from inference.save import save, save_mask
from inference.segmentation_output import SegmentationOutput
from models.any_card import AnyCard
from models.registry import AnyModel, CombinedModel, Model, Registry

__all__ = ["Engine", "Limits", "Model", "Registry"]
"""Includes the parts of an engine, for callers that may import neither `models` nor `imaging`."""


MODEL_BYTES = 2 << 30
"""Memory of the networks that stay loaded."""


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
        self._scratch = scratch
        self._limits = limits or Limits()
        self._networks = ReadyNetworks(device, memory_bytes, threads, cache, model_bytes)
        self._runner = ModelRunner(registry, self._networks, scratch)

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
        with context.step(Step.OPEN):
            opened = {
                name: open_scan(path, self._limits, self._scratch) for name, path in scans.items()
            }
        given = _given_mask(opened, loaded.card, options)
        check(opened, loaded.card)
        first = opened[loaded.card.channels[0].name]
        if given is not None and options.starts_from_mask:
            output = self._start(given, first, loaded.card, out, context)
        else:
            result = self._run_in_box(opened, loaded, given, options, context)
            with context.step(Step.WRITE):
                saved = save(result, first, out)
            output = replace(saved, fallback=result.record.fallback)
        output.report["seconds"]["total"] = round(perf_counter() - started, 4)
        return output

    def _start(
        self, given: Scan, first: Scan, card: AnyCard, out: Path, context: RunContext
    ) -> SegmentationOutput:
        """The given mask as the result; no network runs."""
        context.on_tile(0, 1)
        mask = starting_mask(label_view(given, first), card, self._scratch)
        context.token.check()
        return save_mask(mask, first, card, report_of_given(mask, first, card), out)

    def _run_in_box(
        self,
        opened: Mapping[str, Scan],
        model: AnyModel,
        given: Scan | None,
        options: RunOptions,
        context: RunContext,
    ) -> ModelResult:
        """As `run`; the channels are cropped to the labels of the given mask, if there is one."""
        if given is None:
            return self.run(opened, model, options, context)
        first = opened[model.card.channels[0].name]
        box = crop_box(label_view(given, first), options.margin_mm)
        scans = cropped_channels(opened, model.card, box)
        result = self.run(scans, model, options, context)
        mask = pasted(result.mask, box, first.grid, self._scratch)
        return ModelResult(mask, result.record.placed(box))

    def run(
        self,
        scans: Mapping[str, Scan],
        model: AnyModel,
        options: RunOptions | None = None,
        context: RunContext | None = None,
    ) -> ModelResult:
        """The mask of opened scans, in memory, and how it was made.

        Channels that no scan is given for are filled by the models that the card names.
        """
        context = replace(context or RunContext(), scratch=self._scratch)
        return self._runner.run(model, scans, options or RunOptions(), context)

    def networks(self) -> list[Model]:
        """The models with a network of their own, sorted by name."""
        return [model for model in self._registry.all() if isinstance(model, Model)]

    def networks_of(self, model: AnyModel) -> tuple[Model, ...]:
        """The model itself, or the parts that it is made of."""
        return model.parts if isinstance(model, CombinedModel) else (model,)

    def names_of_job(self, name: str) -> frozenset[str]:
        """Names of the models whose networks a job of the model runs; of an unknown one, its own:
        the job itself reports that."""
        try:
            model = self._registry.get(name)
        except (NotFound, BadModel):
            return frozenset((name,))
        cards = (model.card, *(network.card for network in self.networks_of(model)))
        return frozenset(one for card in cards for one in (card.full_name, *card.needed_models))

    def models_revision(self) -> object:
        """A value that differs after a model was added, changed or removed; cheap to read."""
        return self._registry.revision()

    def prepare(
        self,
        model: Model,
        context: RunContext | None = None,
        options: RunOptions | None = None,
    ) -> ReadyNetwork:
        """Loads, measures and checks the network as its jobs would do, so that they need not.

        Raises JobLost once the run is cancelled.
        """
        return self._networks.ready(model, options or RunOptions(), context or RunContext())

    def is_prepared(self, model: Model) -> bool:
        """Whether the results for the network are kept on this machine, so that a job measures
        nothing."""
        return self._networks.is_prepared(model)

    def verify(
        self,
        model: Model,
        options: RunOptions | None = None,
        context: RunContext | None = None,
    ) -> tuple[ReferenceOutcome, ...]:
        """Runs the model's reference case as a job, and keeps the outcome for jobs on this machine.

        Where it fails in a lower precision than fp32, it runs again in fp32, which jobs use from
        then on; the last outcome is that of jobs. Raises BadModel where the card has no reference
        or its files were changed, and JobLost once the run is cancelled.
        """
        options, context = options or RunOptions(), context or RunContext()
        scans = reference_scans(model, self._scratch)
        self._networks.check_precision(model, options, context)
        given = reference_mask(model, scans[model.card.channels[0].name], self._scratch)
        outcomes: list[ReferenceOutcome] = []
        for _ in ("auto", "fp32"):
            device = self.prepare(model, context, options).device
            began = perf_counter()
            mask = self.run(scans, model, options, context).mask
            outcome = compared(given, mask, model.card, device, perf_counter() - began)
            self._networks.references.put(model.card, device, outcome)
            outcomes.append(outcome)
            if outcome.passed or device.precision == "fp32":
                break
        return tuple(outcomes)

    def is_verified(self, model: Model) -> bool:
        """Whether the outcome of the model's reference case is kept on this machine, or it has
        none."""
        return model.card.reference is None or self._networks.is_verified(model)

    def compare_sample(self, model: Model) -> SampleComparison:
        """The model's sample in fp32 and in the device's lowest precision, unchecked."""
        return self._networks.compare_sample(model)


def _given_mask(opened: dict[str, Scan], card: AnyCard, options: RunOptions) -> Scan | None:
    """Takes the given mask out of the opened scans, if one is used."""
    if options.mask is None:
        return None
    return take_given_mask(opened, [channel.name for channel in card.channels])


def _check_checksum(model: AnyModel, sha256: str | None) -> None:
    if sha256 is not None and model.card.checksum != sha256:
        raise BadModel(
            f"The network of {model.card.full_name} on this worker has the checksum "
            f"{model.card.checksum[:12]}...",
            expected=f"The job needs the network with the checksum {sha256[:12]}...",
            hint="Add the same model to every worker, or submit the job again.",
        )
