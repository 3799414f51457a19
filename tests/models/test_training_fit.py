"""Scans that are unlike the scans that a model was trained on."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from imaging.formats.affine import ORIENTATION_UNKNOWN
from imaging.intensity import percentiles
from imaging.scan import Scan, in_memory
from inference.engine import Engine
from inference.network_input import network_input
from inference.sample_scans import sample_scans
from models.card import ModelCard
from models.card_parts import Channel, Intensity
from models.doubt import Doubt, DoubtKind
from models.registry import Registry
from models.training_fit import training_fit
from models.training_range import TrainingRange
from tests.support.cards import card
from tests.support.dicom.mr_series import series
from tests.support.dicom.scans import taken

CT = {"low": [-1100, -900], "high": [200, 2000]}


def warnings_of(scan: Scan, dimension: int = 3, **trained: Any) -> tuple[str, ...]:
    channel = Channel(name="t1", trained_on=TrainingRange.model_validate(trained))
    described = card("solid", dimension, "t1").model_copy(update={"channels": (channel,)})
    return training_fit({"t1": scan}, described).warnings


def hounsfield(seed: int = 3) -> NDArray[np.float32]:
    """A third air, the rest soft tissue and bone."""
    rng = np.random.default_rng(seed)
    values = rng.normal(40, 30, (1, 20, 20, 20))
    values[:, :7] = -1000
    values[:, 7:8] = 900
    return values.astype(np.float32)


@pytest.mark.parametrize(
    ("spacing", "expected"),
    [
        ((1.0, 1.0, 1.0), None),
        ((1.0, 1.0, 3.0), None),
        ((1.0, 1.0, 3.029), None),  # rounded
        ((1.0, 1.0, 6.0), "its voxel size is 6 mm S-I (training: 0.5 to 3 mm)"),
        ((0.001, 1.0, 1.0), "its voxel size is 0.001 mm R-L (training: 0.5 to 1.5 mm)"),
    ],
)
def test_voxel_size(spacing: tuple[float, float, float], expected: str | None) -> None:
    scan = in_memory(np.zeros((1, 4, 4, 4), np.int16), spacing)
    ranges = [[0.5, 1.5], [0.5, 1.5], [0.5, 3]]
    warnings = warnings_of(scan, spacing_mm=ranges)
    assert [expected in text for text in warnings if expected] == [True] * (expected is not None)
    assert len(warnings) == (expected is not None)


def test_extent_is_along_the_axes_of_the_patient() -> None:
    """A volume stored head first: its first axis is the patient's longest."""
    turned = np.array([[0, 0, 1.0, 0], [0, 1, 0, 0], [2, 0, 0, 0], [0, 0, 0, 1]])
    values = np.zeros((1, 40, 10, 12), np.int16)
    scan = Scan(values.shape, values.dtype, turned, (2.0, 1.0, 1.0), "nifti",
                lambda box: values[(slice(None), *box.slices)], values.shape[1:])  # fmt: skip
    channel = Channel(
        name="t1",
        trained_on=TrainingRange(extent_mm=((5, 15), (5, 15), (5, 50))),
    )
    described = card("solid", 3, "t1").model_copy(update={"channels": (channel,)})
    (warning,) = network_input({"t1": scan}, described).warnings[:1]
    assert "its extent is 80 mm S-I (training: 5 to 50 mm)." in warning


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        (lambda values: values, False),
        (lambda values: (values + 1000) / 2000, True),  # scaled to 0 to 1 for another network
        (lambda values: values + 1024, True),  # the rescale intercept is missing
        (lambda values: np.clip(values, -160, 240), True),  # a window for display
    ],
)
def test_values(change: Any, differs: bool) -> None:
    values = change(hounsfield())
    warnings = warnings_of(in_memory(values, (1.0, 1.0, 1.0)), values=CT)
    assert bool(warnings) is differs
    measured = percentiles(in_memory(values), (1.0, 99.0))
    expected = np.percentile(values, (1, 99))
    np.testing.assert_allclose(measured, expected, atol=np.ptp(expected) / 256)


def test_dicom_says_what_it_is_and_is_not_quoted(tmp_path: Path) -> None:
    scan = taken(tmp_path, *series(4, Modality="PT", BodyPartExamined="SMITH JOHN"))
    (warning,) = warnings_of(scan, modalities=["CT", "MR"], body_parts=["HEAD"])
    assert "its header states the modality PT (training: CT or MR)" in warning
    assert "its header states another body part than HEAD" in warning
    assert "SMITH" not in warning
    assert not warnings_of(scan, modalities=["PT"])


def test_only_defined_terms_of_a_header_are_quoted(tmp_path: Path) -> None:
    scan = taken(tmp_path, *series(4, Modality="SMITHJOHN"))
    (warning,) = warnings_of(scan, modalities=["CT", "MR"])
    assert "its header states another modality than CT or MR" in warning
    assert "SMITH" not in warning


def test_a_scan_that_states_nothing_is_not_judged(tmp_path: Path) -> None:
    flat = in_memory(np.zeros((1, 8, 8), np.uint8))
    trained = {"modalities": ["SM"], "body_parts": ["HEAD"], "spacing_mm": [[1, 1], [1, 1]]}
    assert not warnings_of(flat, 2, **trained)
    scan = taken(tmp_path, *series(4, BodyPartExamined="", Modality="MR"))
    assert not warnings_of(scan, body_parts=["HEAD"], modalities=["MR"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"spacing_mm": [[1, 2]]},
        {"spacing_mm": [[2, 1], [1, 1], [1, 1]]},
        {"extent_mm": [[0, 1], [1, 1], [1, 1]]},
        {"values": {"low": [0, 1]}},
        {"modalities": ["mr"]},
    ],
)
def test_a_card_whose_ranges_are_wrong(wrong: dict[str, Any]) -> None:
    facts = card("solid", 3, "t1").model_dump()
    facts["channels"] = [{"name": "t1", "trained_on": wrong}]
    with pytest.raises(ValidationError):
        ModelCard.model_validate(facts)


@pytest.mark.parametrize("name", ["hippocampus-mri-3d", "brain-mri-3d"])
def test_the_networks_of_the_zoo_know_their_samples_from_each_other(name: str) -> None:
    """Each is at home in its own sample; the other's is a whole head, or a crop of one."""
    models = {
        one.card.name: one for one in Engine(Registry()).networks() if one.card.dimension == 3
    }
    other, own_card = next(one for one in models if one != name), models[name].card
    (channel,) = own_card.channels
    (own,), (foreign,) = (sample_scans(models[one]).values() for one in (name, other))
    assert not training_fit({channel.name: own}, own_card).warnings
    (warning,) = training_fit({channel.name: foreign}, own_card).warnings
    assert "its extent is" in warning


def test_a_scan_of_one_value() -> None:
    scan = in_memory(np.full((1, 8, 8, 8), 7, np.int16), (1.0, 1.0, 1.0))
    subject = network_input({"t1": scan}, card("solid", 3, "t1"))
    assert [doubt.kind for doubt in subject.doubts] == [DoubtKind.VALUES]
    assert subject.warnings == ("All voxels of channel t1 have the same value: it shows nothing.",)


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        (lambda values: values, False),
        (lambda values: (values + 1000) / 2000, True),
        (lambda values: values + 5000, True),
        (lambda values: np.clip(values, -160, 240), False),
    ],
)
def test_values_outside_of_what_a_model_clips_to(change: Any, differs: bool) -> None:
    """For every card with fixed normalisation, also without training ranges."""
    described = card("solid", 3, "t1").model_copy(
        update={"intensity": Intensity(kind="fixed", lower=-160, upper=240, mean=40, std=60)}
    )
    scan = in_memory(change(hounsfield()), (1.0, 1.0, 1.0))
    warnings = network_input({"t1": scan}, described).warnings
    assert bool(warnings) is differs
    assert all("the model reads -160 to 240" in text for text in warnings)


@pytest.mark.parametrize("kind", ["zscore", "percentile", "none"])
def test_a_model_that_does_not_clip_reads_all_values(kind: str) -> None:
    intensity = Intensity.model_validate({"kind": kind, "lower": 0.5, "upper": 99.5})
    described = card("solid", 3, "t1").model_copy(update={"intensity": intensity})
    scan = in_memory(hounsfield(), (1.0, 1.0, 1.0))
    assert network_input({"t1": scan}, described).warnings == ()


def test_each_difference_is_a_doubt_of_its_own() -> None:
    channel = Channel(
        name="t1",
        trained_on=TrainingRange(
            spacing_mm=((0.5, 2),) * 3, extent_mm=((5, 15),) * 3, modalities=("MR",)
        ),
    )
    described = card("solid", 3, "t1").model_copy(update={"channels": (channel,)})
    scan = in_memory(hounsfield(), (1.0, 1.0, 4.0))
    fit = training_fit({"t1": scan}, described)
    assert fit.doubts == (
        Doubt(DoubtKind.SPACING, "Its voxel size is 4 mm S-I (training: 0.5 to 2 mm)."),
        Doubt(
            DoubtKind.EXTENT,
            "Its extent is 20 mm R-L (training: 5 to 15 mm), 20 mm A-P (training: 5 to 15 mm), "
            "80 mm S-I (training: 5 to 15 mm).",
        ),
        Doubt(
            DoubtKind.MODALITY,
            "Its values look like the Hounsfield units of a CT (training: MR).",
        ),
    )
    assert len(fit.warnings) == 1
    assert network_input({"t1": scan}, described).doubts == fit.doubts
    header_only = training_fit({"t1": scan}, described, read_values=False)
    assert header_only.doubts == fit.doubts[:2]


def test_an_image_with_colours_for_a_model_of_grey_values() -> None:
    grey = np.random.default_rng(1).integers(0, 255, (1, 40, 30), np.uint8)
    stained = np.concatenate([grey, grey // 2, grey])
    described = card("flat", 2, "em")
    (doubt,) = training_fit({"em": in_memory(stained)}, described).doubts
    assert doubt.kind is DoubtKind.COLOUR
    for image in (grey, np.repeat(grey, 3, axis=0)):
        assert not training_fit({"em": in_memory(image)}, described).doubts
    rgb = card("flat", 2, "em", components=3)
    assert not training_fit({"em": in_memory(stained)}, rgb).doubts


def test_an_unknown_orientation_is_a_doubt() -> None:
    scan = replace(in_memory(hounsfield(), (1.0, 1.0, 1.0)), warnings=(ORIENTATION_UNKNOWN,))
    fit = training_fit({"t1": scan}, card("solid", 3, "t1"))
    assert fit.doubts == (Doubt(DoubtKind.ORIENTATION, ORIENTATION_UNKNOWN),)
    assert not fit.warnings  # the scan states it already


def uncompared(scan: Scan, **trained: Any) -> str:
    channel = Channel(name="t1", trained_on=TrainingRange.model_validate(trained))
    described = card("solid", 3, "t1").model_copy(update={"channels": (channel,)})
    fit = training_fit({"t1": scan}, described)
    assert fit.doubts == ()
    assert network_input({"t1": scan}, described).uncompared == fit.uncompared
    return " ".join(fit.uncompared)


def test_no_doubt_is_not_the_same_as_nothing_to_compare(tmp_path: Path) -> None:
    soft = np.random.default_rng(1).normal(300, 50, (1, 6, 6, 6)).astype(np.float32)
    bare, sized = in_memory(soft), in_memory(soft, (1.0, 1.0, 1.0))
    assert "does not state which scans it was trained on" in uncompared(sized)
    unit_spacing = [[0.5, 2]] * 3
    assert "states their voxel size, and" in uncompared(bare, spacing_mm=unit_spacing)
    assert "states their modality, body part" in uncompared(
        sized, modalities=["MR"], body_parts=["HEAD"]
    )
    for trained in ({"spacing_mm": unit_spacing}, {"values": {"low": [0, 900], "high": [0, 900]}}):
        assert uncompared(sized, modalities=["MR"], **trained) == ""
    mr = taken(tmp_path, *series(4, Modality="MR", BodyPartExamined="HEAD"))
    assert uncompared(mr, modalities=["MR"], body_parts=["HEAD"]) == ""


def test_what_differs_was_compared() -> None:
    channels = tuple(Channel(name=name, trained_on=None) for name in ("t1", "flair"))
    described = card("solid", 3, "t1", "flair").model_copy(update={"channels": channels})
    grey = in_memory(np.ones((1, 4, 4, 4), np.uint8))
    values = np.random.default_rng(1).integers(0, 255, (3, 4, 4, 4)).astype(np.uint8)
    fit = training_fit({"t1": in_memory(values), "flair": grey}, described)
    assert [one.kind for one in fit.doubts] == [DoubtKind.COLOUR]
    (other,) = fit.uncompared
    assert other.startswith("Channel flair: The model's card does not state")
