"""Agreement of two raters who put each of several subjects into one category."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

Z_95 = 1.959964
"""Quantile of the normal distribution for intervals of 95 %."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95 % confidence interval."""

    value: float
    low: float
    high: float


def proportion(successes: int, number: int) -> Estimate | None:
    """A share with the score interval of Wilson 1927 (J. Am. Stat. Assoc. 22, 209).

    It stays inside 0 to 1, and is reliable for small numbers. None without subjects.
    """
    if number == 0:
        return None
    share, square = successes / number, Z_95**2
    centre = (share + square / (2 * number)) / (1 + square / number)
    spread = sqrt(share * (1 - share) / number + square / (4 * number**2))
    half = Z_95 * spread / (1 + square / number)
    return Estimate(share, max(0.0, centre - half), min(1.0, centre + half))


def cohen_kappa(pairs: Sequence[tuple[str, str]]) -> Estimate | None:
    """Agreement beyond chance: (p_o - p_e) / (1 - p_e), of pairs (first rating, second rating).

    Cohen 1960 (Educ. Psychol. Meas. 20, 37); the interval is from the large-sample standard error
    of Fleiss, Cohen and Everitt 1969 (Psychol. Bull. 72, 323, eq. 13), inside -1 to 1. None
    without pairs, or if all ratings are the same: chance alone would then give full agreement.
    """
    categories = sorted({rating for pair in pairs for rating in pair})
    if len(categories) < 2:
        return None
    place = {category: n for n, category in enumerate(categories)}
    table = np.zeros((len(categories),) * 2)
    for first, second in pairs:
        table[place[first], place[second]] += 1
    table /= len(pairs)
    rows, columns = table.sum(1), table.sum(0)
    observed, chance = float(np.trace(table)), float(rows @ columns)
    kappa = (observed - chance) / (1 - chance)
    half = Z_95 * sqrt(_variance(table, kappa, chance) / len(pairs))
    return Estimate(kappa, max(-1.0, kappa - half), min(1.0, kappa + half))


def _variance(table: "np.ndarray", kappa: float, chance: float) -> float:
    """The variance of kappa for one pair."""
    rows, columns = table.sum(1), table.sum(0)
    diagonal = np.diag(table)
    agreed = diagonal @ (1 - (rows + columns) * (1 - kappa)) ** 2
    weights = (columns[:, None] + rows[None, :]) ** 2
    differed = (1 - kappa) ** 2 * ((table * weights).sum() - diagonal @ np.diag(weights))
    shift = (kappa - chance * (1 - kappa)) ** 2
    return max(0.0, float(agreed + differed - shift)) / (1 - chance) ** 2
