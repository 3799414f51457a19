"""What the values of a scan show about it."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.data import immunohistochemistry

from imaging.scan import in_memory
from imaging.scan_traits import is_coloured, looks_like_ct

SIDE = 40
RNG = np.random.default_rng(7)


def body(outside: float = -1000) -> NDArray[Any]:
    """Half air, fat around soft tissue, and some bone, in Hounsfield units."""
    values = np.full((1, SIDE, SIDE, SIDE), outside, np.float32)
    values[:, 10:30, 5:35] = RNG.normal(-90, 15, (1, 20, 30, SIDE))
    values[:, 13:27, 8:32] = RNG.normal(45, 20, (1, 14, 24, SIDE))
    values[:, 18:20, 18:22] = RNG.normal(800, 200, (1, 2, 4, SIDE))
    return values


def with_air(values: NDArray[Any]) -> NDArray[Any]:
    """With the air in the bowel."""
    values[:, 15:17, 10:20] = -950
    return values


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (body(), True),
        (body().round().astype(np.int16), True),
        (with_air(body(outside=-3024)), True),  # as some scanners write what they do not scan
        (body() + 1024, False),  # the rescale intercept is missing
        (body() / 1000, False),
        (RNG.gamma(2, 200, (1, SIDE, SIDE, SIDE)), False),  # an MR magnitude
        (RNG.uniform(-4096, 4095, (1, SIDE, SIDE, SIDE)), False),  # an MR phase
        (RNG.normal(0, 1, (1, SIDE, SIDE, SIDE)), False),
        (np.full((1, 4, 4, 4), -1000.0), False),
        (np.full((1, 4, 4, 4), np.nan), False),
        (np.full((1, 4, 4, 4), -3024.0), False),
    ],
    ids=["ct", "int16", "padded", "unsigned", "scaled", "mr", "phase", "zscore", "air", "nan",
         "padding"],
)  # fmt: skip
def test_a_ct_is_known_by_its_values(values: NDArray[Any], expected: bool) -> None:
    assert looks_like_ct(in_memory(values, (1.0, 1.0, 1.0))) is expected


def test_colours() -> None:
    stained = np.moveaxis(immunohistochemistry(), -1, 0)
    assert is_coloured(in_memory(stained))
    grey = np.repeat(stained[:1], 3, axis=0)
    assert not is_coloured(in_memory(grey))
    noisy = np.clip(grey + RNG.integers(-2, 3, grey.shape), 0, 255)
    assert not is_coloured(in_memory(noisy))
    assert not is_coloured(in_memory(stained[:1]))
    assert not is_coloured(in_memory(np.zeros((3, 4, 4))))
