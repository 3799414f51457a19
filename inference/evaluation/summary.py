"""Means over cases, with confidence intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap

from inference.evaluation.case_metrics import METRICS, CaseMetrics

CONFIDENCE = 0.95
_RESAMPLES = 5000
_BATCH = 500
"""Resamples that are in memory at once."""
_WEIGHTS = {"seg": "objects"}
"""SEG is a mean over all reference objects, not over images."""


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over the `cases` cases that have the metric, and its 95 % interval.

    The interval is a percentile bootstrap over cases with a fixed seed; None for a single case.
    """

    mean: float
    low: float | None
    high: float | None
    cases: int

    @classmethod
    def of(cls, values: Sequence[float], weights: Sequence[float] | None = None) -> Self:
        """The mean of at least one value; weights are above 0."""
        data = np.asarray(values, float), np.asarray(weights or np.ones(len(values)), float)
        mean = float(_mean(*data))
        if len(values) < 2:
            return cls(mean, None, None, len(values))
        interval = bootstrap(
            data,
            _mean,
            paired=True,
            vectorized=True,
            method="percentile",
            confidence_level=CONFIDENCE,
            n_resamples=_RESAMPLES,
            batch=_BATCH,
            rng=np.random.default_rng(0),
        ).confidence_interval
        return cls(mean, float(interval.low), float(interval.high), len(values))


@dataclass(frozen=True, slots=True)
class LabelSummary:
    """One label over all cases."""

    missed: int
    spurious: int
    means: Mapping[str, Mean]
    """By `Metric.name`, in the order of METRICS; metrics that no case has are omitted."""


@dataclass(frozen=True, slots=True)
class Summary:
    """All labels over all cases."""

    cases: int
    dice: Mean
    """Mean over the cases of the mean Dice of a case's labels."""
    labels: Mapping[str, LabelSummary]


def summarise(cases: Sequence[CaseMetrics]) -> Summary:
    """Means over at least one case. Cases have equal weight, except for SEG, which is weighted by
    reference objects."""
    names = [row.label for row in cases[0].labels]
    labels = {name: _label(cases, index) for index, name in enumerate(names)}
    return Summary(len(cases), Mean.of([case.dice for case in cases]), labels)


def _label(cases: Sequence[CaseMetrics], index: int) -> LabelSummary:
    rows = [case.labels[index] for case in cases]
    means = {}
    for metric in METRICS:
        having = [row.values for row in rows if row.values.get(metric.name) is not None]
        if having:
            weight = _WEIGHTS.get(metric.name)
            weights = [values[weight] or 0.0 for values in having] if weight else None
            means[metric.name] = Mean.of([values[metric.name] or 0.0 for values in having], weights)
    missed, spurious = sum(row.missed for row in rows), sum(row.spurious for row in rows)
    return LabelSummary(missed, spurious, means)


def _mean(values: NDArray[Any], weights: NDArray[Any], axis: int = -1) -> NDArray[Any]:
    return np.asarray((values * weights).sum(axis) / weights.sum(axis))
