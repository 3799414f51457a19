"""Evaluates a model: segments and measures each case, and draws some of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from cli.cases import Case, reference_mask
from cli.model_registry import registry
from cli.value_map import ValueMap
from imaging.errors import BadRequest
from imaging.scan import Scan
from inference.device import Device
from inference.engine import Engine
from inference.evaluation.case_metrics import CaseMetrics, MetricOptions, measure
from inference.evaluation.evaluation import Evaluation
from inference.evaluation.summary import summarise
from inference.options import RunOptions
from jobs.private_files import private_cache
from jobs.settings import Settings
from models.registry import AnyModel


class CaseEvaluator:
    """Evaluates one model with the same rules for every case."""

    def __init__(self, model: AnyModel, rules: MetricOptions, maps: Sequence[ValueMap]) -> None:
        self._model, self._rules, self._maps = model, rules, maps
        self._engine = Engine(registry(), cache=private_cache(Settings().cache_folder))

    def check_precisions(self, options: Sequence[RunOptions]) -> None:
        """Raises BadRequest unless each of the options means another precision."""
        devices = [self._device(each) for each in options]
        if len({device.precision for device in devices}) < len(devices):
            raise BadRequest(
                f"The runtime {devices[0].name} computes only in {devices[0].precision} here.",
                expected="Hardware that supports bf16 or fp16.",
                hint="Use another machine or device, or omit --precision both.",
            )

    def evaluate(self, cases: Iterable[Case], options: RunOptions) -> Evaluation:
        """The metrics of at least one case, all on the same device."""
        rows = [self._measure(case, options) for case in cases]
        return Evaluation(self._device(options), rows, summarise(rows))

    def _device(self, options: RunOptions) -> Device:
        """Where the model runs; parts may differ in their precision."""
        networks = self._engine.networks_of(self._model)
        devices = [self._engine.prepare(one, options=options).device for one in networks]
        precisions = dict.fromkeys(device.precision for device in devices)
        return replace(devices[0], precision=", ".join(precisions))

    def _measure(self, case: Case, options: RunOptions) -> CaseMetrics:
        """The scores of one case; errors contain the case's name."""
        with case.named_errors():
            scan, mask, reference = self._masks(case, options)
            return measure(case.name, scan, mask, reference, self._model.card, self._rules)

    def plot(
        self,
        cases: Sequence[Case],
        figures: Sequence[CaseMetrics],
        options: RunOptions,
        path: Path,
    ) -> None:
        """Draws the best, the median and the worst case into a PNG file.

        These cases are segmented again, so that the masks need not be kept in memory.
        """
        from inference.evaluation.plot import PlottedCase, draw

        by_name = {case.name: case for case in cases}
        shown = []
        for rank, row in _ranks(figures).items():
            scan, mask, reference = self._masks(by_name[row.case], options)
            title = f"{rank}: Dice {row.dice:.3f}"
            shown.append(PlottedCase(title, row.case, scan, mask, reference))
        path.parent.mkdir(parents=True, exist_ok=True)
        draw(shown, path)

    def _masks(self, case: Case, options: RunOptions) -> tuple[Scan, NDArray[Any], NDArray[Any]]:
        """The scan, the model's mask and the reference mask."""
        card = self._model.card
        scan, reference = case.open()
        scans = {card.channels[0].name: scan}
        result = self._engine.run(scans, self._model, options)
        known = set() if card.instances else {label.value for label in card.labels}
        return scan, result.mask, reference_mask(reference, self._maps, known)


def _ranks(figures: Sequence[CaseMetrics]) -> Mapping[str, CaseMetrics]:
    """The best, the median and the worst case by mean Dice; with fewer cases, each case once."""
    order = sorted(figures, key=lambda row: row.dice, reverse=True)
    ranks = {"best": 0, "median": (len(order) - 1) // 2, "worst": len(order) - 1}
    first = {place: rank for rank, place in reversed(ranks.items())}
    return {rank: order[place] for rank, place in ranks.items() if first[place] == rank}
