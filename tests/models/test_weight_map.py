"""The paper's weight map against its formula, computed the slow way."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.training.data import Case, weighted
from models.training.tables import Data, Loss
from models.training.weight_map import class_weights, two_distances, weight_map


def slow_distances(objects: np.ndarray) -> np.ndarray:
    """(objects, *spatial): each voxel's distance to each object, voxel by voxel."""
    grid = np.stack(np.meshgrid(*map(np.arange, objects.shape), indexing="ij"), -1)
    places = [np.argwhere(objects == number) for number in range(1, objects.max() + 1)]
    return np.stack(
        [
            np.linalg.norm(grid[..., None, :] - own, axis=-1).min(-1)
            if len(own)
            else np.full(objects.shape, np.inf)
            for own in places
        ]
    )


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.sampled_from([(14, 17), (7, 6, 8)]))
def test_distances_are_those_to_the_two_nearest_objects(seed: int, shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(seed)
    objects = random.integers(0, 5, shape) * (random.random(shape) < 0.06)
    objects.flat[:3] = (1, 2, 4)
    nearest, second = two_distances(objects.astype(np.int32), 30.0)
    expected = np.sort(slow_distances(objects), axis=0)
    assert np.allclose(nearest, expected[0])
    assert np.allclose(second, expected[1])


def test_between_touching_objects_the_weight_is_greatest() -> None:
    objects = np.zeros((9, 20), np.int32)
    objects[2:7, 2:9], objects[2:7, 11:18] = 1, 2
    classes = (objects > 0).astype(np.int32)
    weights = weight_map(classes, objects, 10.0, 2.0, balance=False)
    gap = 1 + 10 * np.exp(-((1 + 2) ** 2) / 8)
    assert weights[4, 9] == pytest.approx(gap)
    assert weights[4, 10] == pytest.approx(gap)
    assert weights.max() == pytest.approx(gap)
    assert weights[4, 0] == pytest.approx(1)


def test_balance_gives_each_class_the_same_say() -> None:
    classes = np.array([[0, 0, 0, 0], [0, 0, 1, 2]], np.int32)
    weights = class_weights(classes)
    assert [weights[classes == c].sum() for c in range(3)] == pytest.approx([8 / 3] * 3)


def test_numbered_objects_and_connected_parts_weigh_alike() -> None:
    numbers = np.zeros((9, 12), np.int32)
    numbers[2:7, 1:5], numbers[2:7, 7:11] = 4, 9
    image = np.zeros((1, 9, 12), np.float32)
    loss = Loss(border=10, sigma=2, objects=1)
    split = Data(images="i", labels="l", validation=1, target="instances")
    whole = Data(images="i", labels="l", validation=1)
    ones = weighted(Case("a", image, numbers), split, loss).weight
    others = weighted(Case("a", image, (numbers > 0).astype(np.int32)), whole, loss).weight
    assert ones is not None
    assert others is not None
    assert np.allclose(ones, others)
    assert ones.max() > 2
