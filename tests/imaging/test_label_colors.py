"""Colours of labels over a grey image, half transparent as the page draws them at first."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab

from imaging.label_codes import default_color
from models.registry import Registry

GREYS = rgb2lab(np.repeat(np.linspace(0, 1, 33)[:, None], 3, axis=1))
GROUNDS = np.array([0.15, 0.35, 0.55, 0.75])
ZOO = {model.card.name: [one.color for one in model.card.labels] for model in Registry().all()}


def over_grey(color: str) -> NDArray[np.float64]:
    """CIELAB of the colour over each of the grounds."""
    rgb = np.array([int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    lab: NDArray[np.float64] = rgb2lab(0.5 * rgb + 0.5 * GROUNDS[:, None])
    return lab


@pytest.mark.parametrize(
    "colors", [[default_color(n) for n in range(1, 13)], *ZOO.values()], ids=["default", *ZOO]
)
def test_labels_differ_from_every_grey_and_from_each_other(colors: list[str]) -> None:
    drawn = [over_grey(color) for color in colors]
    for n, one in enumerate(drawn):
        assert deltaE_ciede2000(one[:, None], GREYS[None]).min() > 14, colors[n]
        for other in drawn[:n]:
            assert deltaE_ciede2000(one, other).min() > 11, colors[n]


def test_later_labels_differ_from_the_one_before() -> None:
    colors = [default_color(n) for n in range(1, 200)]
    assert len(set(colors)) > 150
    for one, other in pairwise(map(over_grey, colors)):
        assert deltaE_ciede2000(one, other).min() > 11
