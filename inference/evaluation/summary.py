"""Means over cases, and how far to trust them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap

from inference.evaluation.figures import FIGURES, CaseFigures

CONFIDENCE = 0.95
_RESAMPLES = 5000
_BATCH = 500
"""Resamples in memory at once."""
_WEIGHTS = {"seg": "objects"}
"""SEG is a mean over all reference objects, not over pictures."""


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over `cases` cases that have the figure, and its 95 % interval.

    The interval is the percentile bootstrap's over cases, always of the same seed; None where a
    single case tells nothing of the others.
    """

    mean: float
    low: float | None
    high: float | None
    cases: int

    @classmethod
    def of(cls, values: Sequence[float], weights: Sequence[float] | None = None) -> Self:
        """Of at least one value; weights, if given, above 0."""
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
    """By `Figure.name`, in the order of FIGURES; figures that no case has are left out."""


@dataclass(frozen=True, slots=True)
class Summary:
    """All labels over all cases."""

    cases: int
    dice: Mean
    """Of the mean Dice over the labels of a case."""
    labels: Mapping[str, LabelSummary]


def summarise(cases: Sequence[CaseFigures]) -> Summary:
    """Means over at least one case. Each counts once, but SEG's by their reference objects."""
    names = [row.label for row in cases[0].labels]
    labels = {name: _label(cases, index) for index, name in enumerate(names)}
    return Summary(len(cases), Mean.of([case.dice for case in cases]), labels)


def _label(cases: Sequence[CaseFigures], index: int) -> LabelSummary:
    rows = [case.labels[index] for case in cases]
    means = {}
    for figure in FIGURES:
        having = [row.values for row in rows if row.values.get(figure.name) is not None]
        if having:
            weight = _WEIGHTS.get(figure.name)
            weights = [values[weight] or 0.0 for values in having] if weight else None
            means[figure.name] = Mean.of([values[figure.name] or 0.0 for values in having], weights)
    missed, spurious = sum(row.missed for row in rows), sum(row.spurious for row in rows)
    return LabelSummary(missed, spurious, means)


def _mean(values: NDArray[Any], weights: NDArray[Any], axis: int = -1) -> NDArray[Any]:
    return np.asarray((values * weights).sum(axis) / weights.sum(axis))
