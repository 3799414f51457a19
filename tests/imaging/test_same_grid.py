"""A label map stored along other axes comes back voxel for voxel; any other grid is refused."""

from dataclasses import replace
from itertools import permutations, product

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from imaging.errors import BadRequest
from imaging.same_grid import on_grid_of
from imaging.scan import Scan, in_memory

SHAPE = (3, 4, 5)
VOXELS = np.arange(60, dtype=np.uint16).reshape(SHAPE)
TURNS = [
    np.array([[axis, flip] for axis, flip in zip(order, flips, strict=True)])
    for order in permutations(range(3))
    for flips in product((1, -1), repeat=3)
]
"""The 48 orders and directions in which a volume's axes may be stored, as nibabel writes them."""


def _stored(affine: np.ndarray, turn: np.ndarray) -> Scan:
    """The same label map along other axes, by nibabel."""
    image = nibabel.Nifti1Image(VOXELS, affine).as_reoriented(turn)
    return replace(in_memory(np.asarray(image.dataobj)[np.newaxis]), affine=image.affine)


@st.composite
def affines(draw: st.DrawFn) -> np.ndarray:
    angles = draw(st.tuples(*(st.floats(-180, 180) for _ in range(3))))
    spacing = draw(st.tuples(*(st.floats(0.2, 6) for _ in range(3))))
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() * spacing
    affine[:3, 3] = draw(st.tuples(*(st.floats(-500, 500) for _ in range(3))))
    return affine


@given(affine=affines(), turn=st.sampled_from(TURNS))
def test_all_forty_eight_ways(affine: np.ndarray, turn: np.ndarray) -> None:
    label = _stored(affine, turn)
    label = replace(label, affine=label.affine.astype(np.float32).astype(np.float64))
    np.testing.assert_array_equal(on_grid_of(label, SHAPE, affine), VOXELS)


@given(affine=affines(), turn=st.sampled_from(TURNS), axis=st.integers(0, 2))
def test_a_shift_of_a_tenth_of_a_voxel_is_seen(
    affine: np.ndarray, turn: np.ndarray, axis: int
) -> None:
    label, moved = _stored(affine, turn), affine.copy()
    moved[:3, 3] += 0.1 * affine[:3, axis]
    with pytest.raises(BadRequest, match=r"0\.10 voxels"):
        on_grid_of(label, SHAPE, moved)


@given(affine=affines(), scale=st.sampled_from([0.5, 0.9, 1.1, 2.0]))
def test_another_spacing_is_seen(affine: np.ndarray, scale: float) -> None:
    other = affine @ np.diag([scale, 1, 1, 1])
    with pytest.raises(BadRequest, match="voxels away"):
        on_grid_of(_stored(affine, TURNS[0]), SHAPE, other)


def test_other_shapes_and_components() -> None:
    label = _stored(np.eye(4), TURNS[0])
    with pytest.raises(BadRequest, match=r"\(3, 4, 5\)"):
        on_grid_of(label, (3, 4, 6), np.eye(4))
    with pytest.raises(BadRequest):
        on_grid_of(label, (4, 3, 5), np.eye(4))
    with pytest.raises(BadRequest):
        on_grid_of(in_memory(np.zeros((2, *SHAPE))), SHAPE, np.eye(4))
    with pytest.raises(BadRequest):
        on_grid_of(in_memory(np.zeros((1, 3, 4))), SHAPE, np.eye(4))
