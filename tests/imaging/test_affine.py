"""The arithmetic of affines, against NumPy's."""

import numpy as np
import pytest

from imaging.formats.affine import axis_lengths, is_valid, shear_degrees

RANDOM = np.random.default_rng(13)
SKEWED = np.eye(4)
SKEWED[0, 1] = np.tan(np.radians(3))


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_lengths_and_shear(scale: float) -> None:
    for _ in range(50):
        affine = np.eye(4)
        affine[:3] = RANDOM.normal(size=(3, 4)) * scale
        lengths = np.linalg.norm(affine[:3, :3], axis=0)
        unit = affine[:3, :3] / lengths
        angles = np.degrees(np.arccos(np.abs(unit.T @ unit)[np.triu_indices(3, 1)]))

        assert axis_lengths(affine) == pytest.approx(tuple(lengths), rel=1e-14)
        assert shear_degrees(affine) == pytest.approx(90 - angles.min(), abs=1e-5)
        assert is_valid(affine) == (abs(np.linalg.det(unit)) > 1e-6)


def test_shear_of_a_known_angle() -> None:
    assert shear_degrees(SKEWED) == pytest.approx(3)
    assert shear_degrees(np.diag([1.0, 2.0, 0.0, 1.0])) == 0


@pytest.mark.parametrize(
    ("place", "number", "valid"),
    [
        ((0, 0), np.nan, False),
        ((2, 3), np.inf, False),
        ((3, 0), -np.inf, False),
        ((0, 0), 0.0, False),
        ((0, 0), 1e200, False),  # its square is infinite
        ((0, 0), 1e-200, False),  # its square is 0
        ((0, 0), 1e150, True),
        ((1, 1), 1e-150, True),
    ],
)
def test_limits_of_numbers(place: tuple[int, int], number: float, valid: bool) -> None:
    affine = np.eye(4)
    affine[place] = number
    assert is_valid(affine) is valid


def test_parallel_axes_do_not_span_space() -> None:
    affine = np.eye(4)
    affine[:3, 1] = affine[:3, 0] + (0, 1e-7, 0)
    assert not is_valid(affine)
    affine[1, 1] = 1e-5
    assert is_valid(affine)
