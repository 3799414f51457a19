"""Examples are windows of a case, moved and recoloured; image and label move together."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from models.training.augment import example, intensities, positions, window
from models.training.data import Case
from models.training.smooth import smooth_field
from models.training.stain import immunostained
from models.training.tables import Augmentation


@pytest.mark.parametrize("spatial", [(7, 9), (6, 5, 8)])
def test_an_unchanged_window_is_the_case_mirrored_at_its_edges(spatial: tuple[int, ...]) -> None:
    image = np.random.default_rng(0).random((2, *spatial), dtype=np.float32)
    grid, _ = positions(spatial, spatial, 3, Augmentation(), Still())
    expected = np.pad(image, [(0, 0)] + [(3, 3)] * len(spatial), mode="reflect")
    assert np.allclose(window(torch.from_numpy(image), grid, "bilinear"), expected, atol=1e-5)


class Still(np.random.Generator):
    """Draws the middle of every range, so that nothing is moved."""

    def __init__(self) -> None:
        super().__init__(np.random.PCG64(0))

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
        middle = (low + high) / 2
        return middle if size is None else np.full(size, middle)


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_image_and_label_are_moved_together(seed: int) -> None:
    """Given an image that shows its own label, it still does after any move."""
    coarse = np.random.default_rng(seed).integers(0, 2, (5, 5)).repeat(8, 0).repeat(8, 1)
    case = Case("a", coarse[None].astype(np.float32), coarse.astype(np.int32))
    change = Augmentation(
        rotation_degrees=180, scale=1.3, stretch=1.2, flips=(0, 1), elastic=1.5, elastic_spacing=12
    )
    image, label, weight = example(case, (24, 20), 4, change, np.random.default_rng(seed))
    inner = image[0, 4:-4, 4:-4]
    assert (image.shape, label.shape) == ((1, 32, 28), (24, 20))
    assert torch.equal(inner[(inner - 0.5).abs() > 0.49].round(), label[(inner - 0.5).abs() > 0.49])
    assert weight is None


def test_a_weight_map_is_moved_with_its_label() -> None:
    coarse = np.random.default_rng(0).integers(0, 2, (5, 5)).repeat(8, 0).repeat(8, 1)
    case = Case("a", coarse[None].astype("f4"), coarse.astype("i4"), coarse.astype("f4") * 3)
    change = Augmentation(rotation_degrees=180, elastic=1.5, elastic_spacing=12)
    image, label, weight = example(case, (24, 20), 4, change, np.random.default_rng(1))
    assert weight is not None
    assert torch.allclose(weight, 3 * image[0, 4:-4, 4:-4], atol=1e-5)
    assert weight.shape == label.shape


def test_without_changes_the_look_stays() -> None:
    image = torch.rand(3, 8, 8)
    for change in (Augmentation(), Augmentation(blur=0.2)):
        for seed in range(5):
            assert torch.equal(intensities(image, change, np.random.default_rng(seed)), image)


def test_colours_are_inverted_greyed_and_exchanged() -> None:
    image, random = torch.rand(3, 8, 8), np.random.default_rng(0)
    assert torch.equal(intensities(image, Augmentation(invert=1.0), random), 1 - image)
    grey = intensities(image, Augmentation(grey=1.0), random)
    assert torch.allclose(grey, image.mean(0).expand(3, 8, 8))
    jittered = intensities(image, Augmentation(colour=1e-9), random)
    assert torch.allclose(jittered.sum(0), image.sum(0), atol=1e-5)


@settings(max_examples=25)
@given(st.integers(0, 1000), st.booleans())
def test_stained_nuclei_are_blue_in_a_brown_surrounding(seed: int, light_ground: bool) -> None:
    """Haematoxylin takes red light more than blue, DAB blue more than red."""
    rows, columns = np.mgrid[:48, :48]
    disc = np.hypot(rows - 24, columns - 24) < 10
    shown = 1 - 0.6 * disc if light_ground else 0.8 * disc
    image = torch.from_numpy(np.repeat(shown[None], 3, 0).astype(np.float32))
    found = immunostained(image, torch.from_numpy(disc * 7.0), np.random.default_rng(seed)).numpy()
    blueness = found[2] - found[0]
    ground = np.hypot(rows - 24, columns - 24) > 13
    assert blueness[disc].mean() > blueness[ground].mean()
    assert found[:, disc].mean() < np.percentile(found[:, ground], 99)


def test_a_smooth_field_is_smooth_and_has_its_deviation() -> None:
    """Constant control points give a constant field; neighbours differ little; mean is 0."""
    field = smooth_field((40, 60), 10.0, 500, np.random.default_rng(0)).numpy()
    assert field.shape == (500, 40, 60)
    assert abs(field.mean()) < 0.05
    # At a control point a cubic B-spline weighs its neighbours 1/6, 2/3, 1/6 along each axis.
    assert field[:, 0, 0].std() == pytest.approx(0.5, abs=0.05)
    assert np.abs(np.diff(field, axis=1)).max() < 0.6
    assert np.abs(np.diff(field, n=2, axis=1)).max() < 0.12


def test_an_elastic_window_is_bent_by_that_field() -> None:
    still, _ = positions((20, 30), (20, 30), 2, Augmentation(), Still())
    change = Augmentation(elastic=3.0, elastic_spacing=9)
    bent, _ = positions((20, 30), (20, 30), 2, change, Still())
    field = smooth_field((24, 34), 9, 2, np.random.Generator(np.random.PCG64(0)))
    assert torch.allclose(bent - still, 3.0 * field.movedim(0, -1), atol=1e-5)


@pytest.mark.parametrize("seed", range(8))
def test_labels_lie_as_far_off_however_a_window_is_turned(seed: int) -> None:
    """Labels two pixels below and one left of their square: so they stay, mirrored and turned."""
    square = np.zeros((96, 96), np.int32)
    square[43:53, 45:55] = 1
    change = Augmentation(rotation_degrees=180, flips=(0, 1), scale=1.2)
    found = []
    for offset in ((0, 0), (2, -1)):
        label = np.roll(square, offset, (0, 1))
        case = Case("one", square[None].astype(np.float32), label, label_offset=offset)
        seen = example(case, (80, 80), 0, change, np.random.default_rng(seed))
        found.append(ndimage.center_of_mass(seen.classes.numpy()))
    assert np.allclose(np.subtract(found[1], found[0]), (2, -1), atol=0.02)


def test_a_volume_turned_in_one_plane_keeps_the_third_axis() -> None:
    ramp = np.broadcast_to(np.arange(20, dtype=np.float32)[:, None], (1, 18, 20, 22))
    case = Case("one", ramp.copy(), np.zeros((18, 20, 22), np.int32))
    turned = Augmentation(rotation_degrees=(0, 40, 0))
    for seed in range(4):
        seen = example(case, (12, 12, 12), 0, turned, np.random.default_rng(seed)).image[0]
        assert torch.allclose(seen, seen[:1, :, :1].expand_as(seen), atol=1e-4)
    everywhere = Augmentation(rotation_degrees=40)
    seen = example(case, (12, 12, 12), 0, everywhere, np.random.default_rng(0)).image[0]
    assert not torch.allclose(seen, seen[:1, :, :1].expand_as(seen), atol=0.5)


def test_a_faded_image_keeps_its_ground() -> None:
    image = torch.zeros(2, 8, 8)
    image[0], image[1] = 0.9, 0.2
    image[:, 2:4, 2:4] = 0.5
    seen = [intensities(image, Augmentation(fade=0.8), np.random.default_rng(n)) for n in range(40)]
    marks = torch.stack([one[:, 2, 2] for one in seen])
    assert all(torch.allclose(one[:, 0, 0], torch.tensor([0.9, 0.2])) for one in seen)
    assert 10 < (marks[:, 0] > 0.51).sum() < 30  # half of them
    assert marks[:, 0].max() < 0.9 - 0.4 * 0.2 + 1e-5
    assert torch.allclose((0.9 - marks[:, 0]) / 0.4, (marks[:, 1] - 0.2) / 0.3, atol=1e-5)
