"""Images drawn from label maps: each tissue as it was drawn, classes where they lie."""

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from scipy import ndimage

from imaging.errors import BadRequest
from models.training.config import TrainingConfig
from models.training.label_map import Tissues, depth, read_maps, stripped, thickened
from models.training.synthesis import Drawn, sampled, scanned, tissue_values
from models.training.tables import Augmentation, Synthesis
from models.training.train import train
from tests.support.training_data import write_config

SYNTHESIS = """
[synthesis]
alike = [[20, 21]]
contrasts = [{ 21 = 0.4, 30 = 0.7 }]
outside = [500]
"""


NO_CONTRAST = np.zeros((0, 3))


def heads(folder: Path, count: int = 4) -> Path:
    """Maps of 1 mm: a head (500) around a brain (20 left, 21 right) around a nucleus (30)."""
    (folder / "labels").mkdir(parents=True, exist_ok=True)
    grid = np.stack(np.meshgrid(*map(np.arange, (40, 44, 48)), indexing="ij"), -1)
    for number in range(count):
        far = np.linalg.norm(grid - (20 + number % 2, 22, 24), axis=-1)
        values = np.select(
            [far < 5, far < 11, far < 16], [30, np.where(grid[..., 0] < 20, 20, 21), 500], 0
        )
        image = nib.Nifti1Image(values.astype(np.int16), np.eye(4))
        nib.save(image, folder / "labels" / f"{number}.nii.gz")
    return folder


def config(folder: Path, *, steps: int = 60) -> TrainingConfig:
    return TrainingConfig.load(config_file(folder, steps=steps))


def config_file(folder: Path, *, steps: int) -> Path:
    path = write_config(folder, steps=steps)
    text = (
        path.read_text()
        .replace('images = "images"\n', "")
        .replace("validation = 2", "validation = 1")
    )
    text = text.replace("[network]", "classes = { 1 = [20, 21, 30] }\n[network]")
    text = text.replace("spacing_mm = [1.0, 1.0, 2.0]", "spacing_mm = [1.5, 1.5, 2.0]")
    path.write_text(text.replace("[augmentation]", SYNTHESIS + "[augmentation]"))
    return path


def test_maps_are_read_as_rows_of_one_table(tmp_path: Path) -> None:
    maps, table = read_maps(config(heads(tmp_path)), tmp_path)
    assert [one.name for one in maps] == ["0", "1", "2", "3"]
    assert table.target.tolist() == [0, 1, 1, 1, 0]  # 0, 20, 21, 30, 500
    assert table.appearance[1] == table.appearance[2]
    assert len(set(table.appearance.tolist())) == 4
    assert table.outside.tolist() == [False, False, False, False, True]
    assert table.contrasts[0, table.appearance[[1, 2, 3]]].tolist() == [0.4, 0.4, 0.7]
    assert np.isnan(table.contrasts[0, table.appearance[[0, 4]]]).all()
    for one in maps:
        assert set(np.unique(one.head[0])) == {0, 1, 2, 3, 4}
        assert max(one.head[0].shape) < 42  # cut to the head
        box = np.argwhere((one.head[0] > 0) & (one.head[0] < 4))
        assert one.brain.start == tuple(box.min(0))
        assert one.brain.stop == tuple(box.max(0) + 1)


def known(
    look: np.ndarray,
    contrasts: np.ndarray = NO_CONTRAST,
    outside: int = -1,
    around: int = -1,
    cortex: int = -1,
) -> Tissues:
    """A table whose rows are learnt as they look, but for those outside of the brain."""
    rows = np.arange(len(look))
    target = np.where(rows == outside, 0, look)
    return Tissues(look, target, contrasts, rows == outside, rows == around, rows == cortex)


def test_each_tissue_has_one_mean_and_spread_and_sides_look_alike() -> None:
    table = known(np.array([0, 1, 1, 2]))
    rows = np.arange(4).repeat(20_000).reshape(4, 20_000)
    change, random = Synthesis(spread=0.1), np.random.default_rng(3)
    values = tissue_values(rows, table, change, random, dark=False)
    means, spreads = values.mean(1), values.std(1)
    assert means[1] == pytest.approx(means[2], abs=0.005)
    assert spreads[1] == pytest.approx(spreads[2], abs=0.005)
    assert abs(means[3] - means[1]) > 0.02
    assert spreads.max() < 0.11


def test_a_common_contrast_has_its_means_and_leaves_the_others_to_chance() -> None:
    table = known(np.arange(3), np.array([[0.0, 0.9, np.nan]]))
    rows = np.arange(3).repeat(500).reshape(3, 500)
    change, random = Synthesis(common=1.0, spread=0.05), np.random.default_rng(0)
    means = np.array(
        [tissue_values(rows, table, change, random, dark=False).mean(1) for _ in range(300)]
    )
    assert means[:, 1].mean() == pytest.approx(0.9, abs=0.02)
    assert means[:, 1].std() == pytest.approx(0.06, abs=0.015)
    assert means[:, 2].std() == pytest.approx(1 / np.sqrt(12), abs=0.03)


@pytest.mark.parametrize(("layer", "kept"), [(0.5, 0), (1.0, 1), (3.0, 3), (9.0, 7)])
def test_a_stripped_head_keeps_its_sulci_and_a_layer_of_fluid(layer: float, kept: int) -> None:
    """A brain 30 mm long with a sulcus 4 mm wide, in 7 mm of fluid, in a skull."""
    rows = np.full((60, 60, 60), 3, np.uint8)
    rows[8:52, 8:52, 8:52] = 2
    rows[15:45, 15:45, 15:45] = 1
    rows[28:32, 25:45, 15:45] = 2
    table = known(np.arange(4), outside=3, around=2)
    left = stripped(rows.astype(np.intp), depth(rows, table, (1.0,) * 3), table, layer)
    inside = slice(15 - kept, 45 + kept)
    expected = np.zeros_like(rows)
    expected[inside, inside, inside] = rows[inside, inside, inside]
    assert np.array_equal(left, expected)


def test_a_thicker_cortex_takes_fluid_alone() -> None:
    """Cortex (2) between white matter (1) and fluid (3), which is next to bone (4) as well."""
    rows = np.array([1, 2, 3, 3, 3, 4, 3, 2, 4])[:, None, None].repeat(3, 1).repeat(3, 2)
    thick = thickened(rows, known(np.arange(5), outside=4, around=3, cortex=2))
    assert thick[:, 1, 1].tolist() == [1, 2, 2, 3, 3, 4, 2, 2, 4]


def test_each_side_s_cortex_grows_as_itself() -> None:
    rows = np.array([1, 3, 3, 3, 2])[:, None, None].repeat(3, 1).repeat(3, 2)
    table = known(np.arange(4), around=3)
    table.cortex[[1, 2]] = True
    assert thickened(rows, table)[:, 1, 1].tolist() == [1, 1, 3, 2, 2]


def test_a_stripped_scan_is_dark_around_the_brain() -> None:
    rows = np.arange(3).repeat(100).reshape(3, 100)
    table, random = known(np.arange(3)), np.random.default_rng(0)
    for _ in range(8):
        values = tissue_values(rows, table, Synthesis(), random, dark=True)
        assert not values[0].any()
        assert values[1:].all()


def test_beyond_a_map_is_nothing() -> None:
    values = np.arange(1, 7, dtype=np.uint8).reshape(1, 2, 3)
    grid = torch.tensor([[-0.6, 0.0], [0.4, 2.4], [0.6, 1.0], [1.0, 2.6], [2.0, 0.0]])
    assert sampled(values, grid).tolist() == [[0, 3, 5, 0, 0]]


@pytest.mark.parametrize("seed", range(6))
def test_thick_slices_and_thin_ones_keep_everything_in_its_place(seed: int) -> None:
    """A ball's centre of mass stays where it is in the world, whatever the slices."""
    grid = np.stack(np.meshgrid(*map(np.arange, (30, 36, 42)), indexing="ij"), -1)
    ball = (np.linalg.norm(grid - (14, 19, 22), axis=-1) < 8).astype(np.float32)
    random = np.random.default_rng(seed)
    image = scanned(ball, (1.0, 1.0, 1.0), (20, 24, 28), Synthesis(), random)[0].numpy()
    centre = (np.array(ndimage.center_of_mass(image)) + 0.5) * 1.5 - 0.5
    assert image.shape == (20, 24, 28)
    assert np.allclose(centre, (14, 19, 22), atol=0.3)


@pytest.mark.parametrize("seed", range(4))
def test_no_slice_is_thinner_than_the_map(seed: int) -> None:
    change, random = Synthesis(thickest_mm=2.0), np.random.default_rng(seed)
    image = scanned(np.ones((8, 8, 8), np.float32), (3.0,) * 3, (8, 8, 8), change, random)
    assert torch.equal(image, torch.ones(1, 8, 8, 8))


def test_classes_lie_where_their_tissues_are_drawn(tmp_path: Path) -> None:
    """Whatever the slices: an edge of the image is where a class ends, half a voxel at most off."""
    source = Drawn(config(heads(tmp_path)), tmp_path)
    assert source.held_out[0].name == source.held_out[1].name
    for case in source.held_out:
        assert case.image.shape[1:] == case.label.shape
        assert 0.05 < (case.label > 0).mean() < 0.6
    for seed in range(12):
        image, label = drawn_ball(source, np.random.default_rng(seed))
        assert np.allclose(centre(image), centre(label), atol=0.25), seed
    first, again = (source.draw(np.random.default_rng(5)) for _ in range(2))
    assert torch.equal(first.image, again.image)
    assert first.image.shape == (1, 16, 16, 12)
    assert first.classes.shape == (16, 16, 12)
    assert set(first.classes.unique().tolist()) <= {0, 1}


def drawn_ball(source: Drawn, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """How bright each voxel is against the dark ground, and where the class lies."""
    rows = ball((30, 36, 42), (13, 19, 22), 8)
    contrast = np.array([[0.0, 100.0]])
    source._tissues = replace(
        source._tissues, appearance=np.array([0, 1, 1, 1, 0]), contrasts=contrast
    )
    source._synthesis = Synthesis(common=1.0, spread=0.0, contrasts=({0: 0.0, 1: 100.0},))
    head = np.stack([rows, np.zeros_like(rows)]).astype(np.uint8)
    image, label = source._image(head, (1.0, 1.0, 1.0), (20, 24, 28), Augmentation(), random)
    shown = image[0].numpy()
    return shown - np.median(shown), label.numpy()


def ball(
    grid: tuple[int, ...], middle: tuple[int, ...], radius: int
) -> np.ndarray[tuple[int, ...], np.dtype[np.intp]]:
    places = np.stack(np.meshgrid(*map(np.arange, grid), indexing="ij"), -1)
    return (np.linalg.norm(places - middle, axis=-1) < radius).astype(np.intp)


def centre(values: np.ndarray) -> tuple[float, ...]:
    return tuple(map(float, ndimage.center_of_mass(values)))


@pytest.mark.process
def test_a_network_learns_from_drawn_images_alone(tmp_path: Path) -> None:
    path = config_file(heads(tmp_path), steps=60)
    path.write_text(path.read_text().replace("[500]", "[500]\nstrip = 1.0"))
    best = train(path, tmp_path / "out", data=tmp_path)
    assert torch.load(best, weights_only=True)["figures"]["dice"] > 0.5


def test_maps_that_do_not_serve_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="1 label maps"):
        Drawn(config(heads(tmp_path, 1)), tmp_path)
    flat = nib.Nifti1Image(np.arange(300, dtype=np.int16).reshape(10, 10, 3), np.eye(4))
    for number in range(2):
        nib.save(flat, tmp_path / "labels" / f"{number}.nii.gz")
    with pytest.raises(BadRequest, match="300 different values"):
        Drawn(config(tmp_path), tmp_path)
    half = nib.Nifti1Image(np.full((4, 4, 4), 0.5, np.float32), np.eye(4))
    nib.save(half, tmp_path / "labels" / "0.nii.gz")
    with pytest.raises(BadRequest, match="not label values"):
        Drawn(config(tmp_path), tmp_path)


def test_a_map_without_background_has_one_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    for number in range(2):
        full = nib.Nifti1Image(np.full((6, 7, 1), 20, np.int16), np.eye(4))
        nib.save(full, tmp_path / "labels" / f"{number}.nii.gz")
    maps, table = read_maps(config(tmp_path), tmp_path)
    assert table.target.tolist() == [0, 1]
    assert (maps[0].head[0] == 1).all()
