"""The evaluation of a model on one device, and its scores that a card records."""

from collections.abc import Sequence
from dataclasses import dataclass

from inference.device import Device
from inference.evaluation.case_metrics import METRICS, CaseMetrics
from inference.evaluation.summary import Summary
from models.any_card import AnyCard

_DECIMALS = 4


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The metrics of all cases, and their means."""

    device: Device
    cases: Sequence[CaseMetrics]
    summary: Summary

    def scores(self, card: AnyCard) -> dict[str, float]:
        """Means of the metrics that are fractions, to four decimals.

        `dice` is the mean of the labels. With several labels, `dice_1` is that of label 1.
        """
        means = {"dice": self.summary.dice.mean}
        for label in card.labels:
            ending = f"_{label.value}" if len(card.labels) > 1 else ""
            rows = self.summary.labels[label.name].means
            for metric in METRICS:
                if metric.recorded and metric.name in rows:
                    means[f"{metric.name}{ending}"] = rows[metric.name].mean
        return {name: round(value, _DECIMALS) for name, value in means.items()}
