"""Cases are read as serving reads them, and no patient lies on both sides of a split."""

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cli.mask_targets import stem
from imaging.errors import BadRequest
from models.training.config import TrainingConfig
from models.training.data import Case, classes, mapped, patient, read_cases, split
from models.training.examples import open_examples
from models.training.tables import Data
from tests.support.training_data import blobs, write_config


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
    (case,) = read_cases(config.data, tmp_path, card)
    assert case.image.shape == (3, 8, 8)
    assert np.array_equal(case.image[0], case.image[2])
    assert np.array_equal(case.label, numbers)


def named(*names: str) -> list[Case]:
    empty = np.zeros((1, 1, 1), np.float32)
    return [Case(name, empty, empty[0].astype(np.int32)) for name in names]


def held(validation: int | tuple[str, ...], pattern: str = "(.*)") -> Data:
    return Data(images="i", labels="l", validation=validation, patient=pattern)


@given(
    st.sets(st.text("abc1", min_size=1), min_size=3, max_size=30), st.integers(0, 9), st.randoms()
)
def test_the_split_depends_on_names_and_seed_alone(names: set[str], seed: int, random: Any) -> None:
    cases = named(*sorted(names))
    training, validation = split(cases, held(2), seed)
    assert {case.name for case in training} | {case.name for case in validation} == names
    assert len(validation) == 2
    assert len(training) + len(validation) == len(names)
    random.shuffle(cases)
    assert {c.name for c in split(cases, held(2), seed)[1]} == {c.name for c in validation}


def test_other_seeds_hold_out_other_cases() -> None:
    cases = named(*map(str, range(40)))
    found = {frozenset(c.name for c in split(cases, held(5), seed)[1]) for seed in range(8)}
    assert len(found) == 8


@given(st.lists(st.integers(1, 4), min_size=3, max_size=9), st.integers(1, 4), st.integers(0, 9))
def test_no_patient_lies_on_both_sides(visits: list[int], wanted: int, seed: int) -> None:
    cases = named(*(f"p{p}_visit{v}" for p, count in enumerate(visits) for v in range(count)))
    held_out = min(wanted, len(cases) - max(visits))
    data = held(held_out, "(p[0-9]+)_")
    training, validation = split(cases, data, seed)
    assert not {patient(c, data) for c in training} & {patient(c, data) for c in validation}
    assert held_out <= len(validation) < held_out + max(visits)


def test_cases_can_be_held_out_by_name_with_their_patients() -> None:
    cases = named("a_1", "a_2", "b_1", "c_1")
    _, validation = split(cases, held(("a_2", "c_1")), 0)
    assert [case.name for case in validation] == ["a_2", "c_1"]
    _, validation = split(cases, held(("a_2", "c_1"), "(.)_"), 0)
    assert [case.name for case in validation] == ["a_1", "a_2", "c_1"]


@pytest.mark.parametrize(
    "data",
    [held(("x",)), held(("a", "x")), held(4), held(("a", "b", "c")), held(1, "[ab]")],
)
def test_a_split_that_cannot_be_is_refused(data: Data) -> None:
    with pytest.raises(BadRequest):
        split(named("a", "b", "c"), data, 0)


def test_values_of_files_become_classes() -> None:
    values = np.array([[0, 255], [7, 3]], np.int32)
    assert mapped(values, None) is values
    assert mapped(values, {1: (0, 7), 2: (255,)}).tolist() == [[1, 2], [1, 0]]


@settings(max_examples=25)
@given(st.integers(0, 1000))
def test_objects_are_taught_as_inside_and_rim(seed: int) -> None:
    label = np.random.default_rng(seed).integers(0, 3, (6, 7)).repeat(2, 0).repeat(2, 1)
    found = classes(label.astype(np.int32))
    for place in np.ndindex(label.shape):
        around = label[tuple(slice(max(0, p - 1), p + 2) for p in place)]
        alone = (around == label[place]).all()
        assert found[place] == (0 if label[place] == 0 else 1 if alone else 2)


def test_data_that_do_not_suit_the_card_are_refused(tmp_path: Path) -> None:
    config = TrainingConfig.load(write_config(tmp_path))
    other = blobs(tmp_path / "other", spacing=(1.0, 1.0, 3.0))
    with pytest.raises(BadRequest, match="spacing"):
        read_cases(config.data, other, config.card)
    with pytest.raises(BadRequest, match="no cases"):
        read_cases(config.data, tmp_path / "nowhere", config.card)
    torn = nib.Nifti1Image(np.zeros((4, 4, 4), "u1"), np.diag((1.0, 1.0, 2.0, 1.0)))
    nib.save(torn, blobs(tmp_path / "torn") / "labels" / "0.nii.gz")
    with pytest.raises(BadRequest, match="labels of"):
        read_cases(config.data, tmp_path / "torn", config.card)


def rewritten(folder: Path, values: np.ndarray, affine: np.ndarray) -> None:
    nib.save(nib.Nifti1Image(values, affine), folder / "labels" / "1.nii.gz")


def test_label_files_that_do_not_say_what_is_where_are_refused(tmp_path: Path) -> None:
    """Case 1 is stored as LPS; labels that lost their affine would be turned otherwise."""
    config, data = TrainingConfig.load(write_config(tmp_path)), blobs(tmp_path)
    stored = nib.Nifti1Image.from_filename(data / "labels" / "1.nii.gz")
    rewritten(data, np.asarray(stored.dataobj), np.diag((1.0, 1.0, 2.0, 1.0)))
    with pytest.raises(BadRequest, match="other directions"):
        read_cases(config.data, data, config.card)
    rewritten(data, np.asarray(stored.dataobj) * np.float32(0.9), stored.affine)
    with pytest.raises(BadRequest, match="not label values"):
        read_cases(config.data, data, config.card)


def test_one_contrast_is_not_taken_for_two(tmp_path: Path) -> None:
    config, data = TrainingConfig.load(write_config(tmp_path)), blobs(tmp_path)
    other = config.card.channels[0].model_copy(update={"name": "t2"})
    card = config.card.model_copy(update={"channels": (*config.card.channels, other)})
    with pytest.raises(BadRequest, match="1 components, not 2"):
        read_cases(config.data, data, card)


def test_cases_bear_the_names_that_an_evaluation_gives_them(tmp_path: Path) -> None:
    config, data = TrainingConfig.load(write_config(tmp_path)), blobs(tmp_path)
    for file in [*data.glob("images/*"), *data.glob("labels/*")]:
        file.rename(file.with_name(f"head.{file.name}"))
    cases = read_cases(config.data, data, config.card)
    assert [case.name for case in cases] == [f"head.{n}" for n in range(6)]
    assert {case.name for case in cases} == {stem(file) for file in data.glob("images/*")}


def test_cases_of_other_dimensions_or_classes_than_the_network_are_refused(tmp_path: Path) -> None:
    config, data = TrainingConfig.load(write_config(tmp_path)), blobs(tmp_path)
    flat = config.network.model_copy(update={"dimension": 2})
    with pytest.raises(BadRequest, match="3 axes"):
        open_examples(config.model_copy(update={"network": flat}), data, 0)
    stored = nib.Nifti1Image.from_filename(data / "labels" / "1.nii.gz")
    rewritten(data, np.asarray(stored.dataobj) * np.uint8(255), stored.affine)
    with pytest.raises(BadRequest, match="class 255"):
        open_examples(config, data, 0)
