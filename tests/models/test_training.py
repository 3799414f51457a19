"""Training on small data made here: it learns, it resumes, its examples are what is served."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imaging.errors import BadRequest
from models.training.augment import example, intensities, positions, window
from models.training.config import Augmentation, Data, TrainingConfig
from models.training.data import Case, classes, read_cases, split
from models.training.stain import immunostained
from models.training.train import CHECKPOINT, HISTORY, train

CONFIG = """
seed = 1
[card]
name = "blob"
title = "Bright blobs"
channels = [{ name = "t1" }]
labels = [{ value = 1, name = "blob", color = "#ff0000" }]
outputs = [0, 1]
spacing_mm = [1.0, 1.0, 2.0]
intensity = { kind = "zscore" }
licence = "Apache-2.0"
[data]
images = "images"
labels = "labels"
validation = 2
[network]
dimension = 3
out_channels = 2
widths = [4, 8]
padding = "PADDING"
[augmentation]
rotation_degrees = 10
scale = 1.1
flips = [0, 1, 2]
brightness = 0.1
contrast = 0.1
gamma = 1.2
noise = 0.1
blur = 0.6
bias_field = 0.1
[optimisation]
steps = STEPS
batch = 2
output = [16, 16, 12]
learning_rate = 1e-2
averaging = 0.8
evaluate_every = 5
threads = 1
"""


def blobs(folder: Path, count: int = 6, spacing: tuple[float, ...] = (1.0, 1.0, 2.0)) -> Path:
    """Noisy volumes (16 x 18 x 12) with one bright ball each; every second one stored as LPS."""
    random = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(*map(np.arange, (16, 18, 12)), indexing="ij"), -1)
    for number in range(count):
        ball = np.linalg.norm(grid - random.uniform(5, 8, 3), axis=-1) < 4
        image = 100 + 50 * ball + 5 * random.standard_normal(ball.shape)
        for kind, values in (("images", image.astype(np.float32)), ("labels", ball.astype("u1"))):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            volume = nib.Nifti1Image(values, np.diag((*spacing, 1.0)))
            if number % 2:
                flip = np.array([[0, -1], [1, -1], [2, 1]])
                volume = volume.as_reoriented(flip)
            nib.save(volume, folder / kind / f"{number}.nii.gz")
    return folder


def write_config(folder: Path, *, steps: int = 60, padding: str = "same") -> Path:
    path = folder / "config.toml"
    path.write_text(CONFIG.replace("STEPS", str(steps)).replace("PADDING", padding))
    return path


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_it_learns_what_it_is_shown(tmp_path: Path, padding: str) -> None:
    config = write_config(tmp_path, padding=padding)
    best = train(config, tmp_path / "out", data=blobs(tmp_path))
    figures = torch.load(best, weights_only=True)["figures"]
    history = [json.loads(line) for line in (tmp_path / "out" / HISTORY).read_text().splitlines()]
    assert [line["step"] for line in history] == list(range(5, 61, 5))
    assert figures["dice"] == max(line["dice"] for line in history)
    assert figures["dice"] > 0.85


class StoppedError(Exception):
    """Ctrl-C, as it were."""


def test_a_stopped_training_goes_on_as_if_it_had_not_stopped(tmp_path: Path) -> None:
    config, data = write_config(tmp_path, steps=15), blobs(tmp_path)

    def stop(report: dict[str, float]) -> None:
        if report["step"] == 12:
            raise StoppedError

    train(config, tmp_path / "whole", data=data)
    with pytest.raises(StoppedError):
        train(config, tmp_path / "parts", stop, data=data)
    taken: list[float] = []
    train(config, tmp_path / "parts", lambda report: taken.append(report["step"]), data=data)
    assert taken == [11, 12, 13, 14, 15]
    whole, parts = (
        torch.load(tmp_path / name / CHECKPOINT, weights_only=True) for name in ("whole", "parts")
    )
    for key in ("network", "average"):
        for name, weights in whole[key].items():
            assert torch.equal(weights, parts[key][name]), name


def test_a_training_can_begin_from_another(tmp_path: Path) -> None:
    first, data = write_config(tmp_path), blobs(tmp_path)
    train(first, tmp_path / "first", data=data)
    second = write_config(tmp_path, steps=1)
    text = second.read_text().replace("learning_rate = 1e-2", "learning_rate = 1e-9")
    second.write_text(f'{text}start = "first/best.pt"\n')
    train(second, tmp_path / "second", data=data)
    old, new = (
        torch.load(tmp_path / name / "best.pt", weights_only=True) for name in ("first", "second")
    )
    for name, weights in old["weights"].items():
        if "running" not in name and "tracked" not in name:
            assert torch.allclose(weights, new["weights"][name], atol=1e-6), name
    for fault in ("nowhere.pt", "config.toml"):
        second.write_text(f'{text}start = "{fault}"\n')
        with pytest.raises(BadRequest, match="begin"):
            train(second, tmp_path / "third", data=data)


def test_cases_are_read_as_serving_reads_them(tmp_path: Path) -> None:
    config = TrainingConfig.load(write_config(tmp_path))
    for case in read_cases(config.data, blobs(tmp_path), config.card):
        assert case.image.dtype == np.float32
        assert case.image.mean() == pytest.approx(0, abs=1e-4)
        assert case.image.std() == pytest.approx(1, abs=1e-4)
        # Turned alike: the ball is where it is bright, and it lies low on every RAS+ axis.
        inside = case.label > 0
        assert case.image[0][inside].min() > case.image[0][~inside].mean()
        assert np.argwhere(inside).mean(0).max() < 8.5


def test_grey_pictures_get_as_many_components_as_the_card_asks(tmp_path: Path) -> None:
    for kind in ("images", "labels"):
        (tmp_path / kind).mkdir()
    numbers = np.arange(64, dtype=np.uint16).reshape(8, 8) * 500
    Image.fromarray(numbers).save(tmp_path / "labels" / "a.png")
    Image.fromarray(numbers.astype("u1")).save(tmp_path / "images" / "a.png")
    config = TrainingConfig.load(write_config(tmp_path))
    channel = config.card.channels[0].model_copy(update={"components": 3})
    card = config.card.model_copy(update={"channels": (channel,), "spacing_mm": None})
    data = config.data.model_copy(update={"validation": 0})
    (case,) = read_cases(data, tmp_path, card)
    assert case.image.shape == (3, 8, 8)
    assert np.array_equal(case.image[0], case.image[2])
    assert np.array_equal(case.label, numbers)


@given(st.sets(st.text(min_size=1), min_size=3, max_size=30), st.integers(0, 9), st.randoms())
def test_the_split_depends_on_names_and_seed_alone(names: set[str], seed: int, random) -> None:
    empty = np.zeros((1, 1, 1), np.float32)
    cases = [Case(name, empty, empty[0].astype(np.int32)) for name in sorted(names)]
    training, validation = split(cases, 2, seed)
    assert {case.name for case in training} | {case.name for case in validation} == names
    assert len(training) + len(validation) == len(names)
    random.shuffle(cases)
    assert {c.name for c in split(cases, 2, seed)[1]} == {c.name for c in validation}


def test_other_seeds_hold_out_other_cases() -> None:
    empty = np.zeros((1, 1, 1), np.float32)
    cases = [Case(str(n), empty, empty[0].astype(np.int32)) for n in range(40)]
    assert len({frozenset(c.name for c in split(cases, 5, seed)[1]) for seed in range(8)}) == 8


@settings(max_examples=25)
@given(st.integers(0, 1000))
def test_objects_are_taught_as_inside_and_rim(seed: int) -> None:
    label = np.random.default_rng(seed).integers(0, 3, (6, 7)).repeat(2, 0).repeat(2, 1)
    found = classes(label.astype(np.int32))
    for place in np.ndindex(label.shape):
        around = label[tuple(slice(max(0, p - 1), p + 2) for p in place)]
        alone = (around == label[place]).all()
        assert found[place] == (0 if label[place] == 0 else 1 if alone else 2)


@pytest.mark.parametrize("spatial", [(7, 9), (6, 5, 8)])
def test_an_unchanged_window_is_the_case_mirrored_at_its_edges(spatial: tuple[int, ...]) -> None:
    image = np.random.default_rng(0).random((2, *spatial), dtype=np.float32)
    grid = positions(spatial, spatial, 3, Augmentation(), Still())
    expected = np.pad(image, [(0, 0)] + [(3, 3)] * len(spatial), mode="reflect")
    assert np.allclose(window(torch.from_numpy(image), grid, "bilinear"), expected, atol=1e-5)


class Still(np.random.Generator):
    """Draws the middle of every range, so that nothing is moved."""

    def __init__(self) -> None:
        super().__init__(np.random.PCG64(0))

    def uniform(self, low=0.0, high=1.0, size=None):
        middle = (low + high) / 2
        return middle if size is None else np.full(size, middle)


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_image_and_label_are_moved_together(seed: int) -> None:
    """Given an image that shows its own label, it still does after any move."""
    coarse = np.random.default_rng(seed).integers(0, 2, (5, 5)).repeat(8, 0).repeat(8, 1)
    case = Case("a", coarse[None].astype(np.float32), coarse.astype(np.int32))
    change = Augmentation(rotation_degrees=180, scale=1.3, stretch=1.2, flips=(0, 1))
    image, label = example(case, (24, 20), 4, change, np.random.default_rng(seed))
    inner = image[0, 4:-4, 4:-4]
    assert (image.shape, label.shape) == ((1, 32, 28), (24, 20))
    assert torch.equal(inner[(inner - 0.5).abs() > 0.49].round(), label[(inner - 0.5).abs() > 0.49])


def test_without_changes_the_look_stays() -> None:
    image = torch.rand(3, 8, 8)
    assert torch.equal(intensities(image, Augmentation(), np.random.default_rng(0)), image)


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


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("widths = [4, 8]", "width = [4, 8]", "network.width"),
        ("steps = 60", "steps = 0", "optimisation.steps"),
        ('kind = "zscore"', 'kind = "percentile"', "card.intensity"),
        ("seed = 1", "seed = [", "TOML"),
        ("outputs = [0, 1]", "outputs = [1, 0]", "background"),
        ("outputs = [0, 1]", 'outputs = [1]\nactivation = "sigmoid"', "not regions"),
        ("widths = [4, 8]", 'widths = [4, 8]\nblock = "transformer"', "network.block"),
    ],
)
def test_an_unsound_configuration_is_refused_by_field(
    tmp_path: Path, old: str, new: str, named: str
) -> None:
    path = write_config(tmp_path)
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(BadRequest, match=named):
        TrainingConfig.load(path)


def test_data_that_do_not_suit_the_card_are_refused(tmp_path: Path) -> None:
    config = TrainingConfig.load(write_config(tmp_path))
    other = blobs(tmp_path / "other", spacing=(1.0, 1.0, 3.0))
    with pytest.raises(BadRequest, match="spacing"):
        read_cases(config.data, other, config.card)
    with pytest.raises(BadRequest, match="0 cases"):
        read_cases(config.data, tmp_path / "nowhere", config.card)
    few = Data(images=Path("images"), labels=Path("labels"), validation=6)
    with pytest.raises(BadRequest, match="6 cases"):
        read_cases(few, blobs(tmp_path / "six"), config.card)
    torn = nib.Nifti1Image(np.zeros((4, 4, 4), "u1"), np.diag((1.0, 1.0, 2.0, 1.0)))
    nib.save(torn, blobs(tmp_path / "torn") / "labels" / "0.nii.gz")
    with pytest.raises(BadRequest, match="labels of"):
        read_cases(config.data, tmp_path / "torn", config.card)


def test_the_shipped_configurations_are_sound() -> None:
    folder = Path(train.__code__.co_filename).parent / "configs"
    names = {TrainingConfig.load(path).card.name for path in folder.glob("*.toml")}
    assert names == {"hippocampus-mri-3d", "nuclei-2d"}
