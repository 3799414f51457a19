"""Which of the shipped models fits a scan best."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.data import immunohistochemistry

from imaging.scan import Scan, in_memory
from inference.sample_scans import sample_scans
from models.card import ModelCard
from models.card_parts import Channel
from models.doubt import DoubtKind
from models.model_fit import ModelFit, ranked
from models.registry import Model, Registry
from models.training_range import TrainingRange
from tests.support.cards import card

REGISTRY = Registry()


def fits(scan: Scan) -> list[ModelFit]:
    return ranked(scan, [model.card for model in REGISTRY.all()], read_values=True)


def flat(values: NDArray[Any], size_mm: float | None = None) -> Scan:
    return in_memory(values, size_mm and (size_mm, size_mm))  # type: ignore[arg-type]


def sample_of(name: str) -> Scan:
    model = REGISTRY.get(name)
    assert isinstance(model, Model)
    (sample,) = sample_scans(model).values()
    return sample


@pytest.mark.parametrize("name", ["brain-mri-3d", "hippocampus-mri-3d"])
def test_a_models_own_sample(name: str) -> None:
    best, other = fits(sample_of(name))
    assert best.card.name == name
    assert not best.doubts
    assert {DoubtKind.SPACING, DoubtKind.EXTENT} <= set(best.matches)
    assert DoubtKind.MODALITY in best.unknown  # a NIfTI states none
    assert [doubt.kind for doubt in other.doubts] == [DoubtKind.EXTENT]


def test_images_by_colour_values_and_pixel_size() -> None:
    stained = np.moveaxis(immunohistochemistry(), -1, 0)
    best, other = fits(flat(stained))
    assert (best.card.name, best.matches) == ("nuclei-2d", (DoubtKind.COLOUR,))
    assert [doubt.kind for doubt in other.doubts] == [DoubtKind.COLOUR]
    assert fits(flat(stained[:1]))[0].card.name == "nuclei-2d"
    micrograph = sample_of("em-membrane-2d")  # without a pixel size
    for scan in (micrograph, replace(micrograph, spacing_mm=(4e-6, 4e-6))):
        best, other = fits(scan)
        assert (best.card.name, other.card.name) == ("em-membrane-2d", "nuclei-2d")
        assert {DoubtKind.COLOUR, DoubtKind.VALUES} <= set(best.matches)
    assert fits(sample_of("nuclei-2d"))[0].card.name == "nuclei-2d"


def test_a_card_that_states_nothing_is_between_one_that_fits_and_one_that_does_not() -> None:
    def stating(name: str, **trained: Any) -> ModelCard:
        channel = Channel(name="t1", trained_on=TrainingRange.model_validate(trained))
        return card(name, 3, "t1").model_copy(update={"channels": (channel,)})

    scan = in_memory(np.zeros((1, 8, 8, 8), np.int16), (1.0, 1.0, 1.0))
    unit, coarse = [[0.5, 2]] * 3, [[3, 5]] * 3
    cards = [
        stating("a-differs", spacing_mm=coarse),
        stating("b-differs-in-one", spacing_mm=unit, extent_mm=[[100, 200]] * 3),
        stating("c-silent"),
        stating("d-fits-in-what-is-shown", spacing_mm=unit, modalities=["MR"]),
        stating("e-fits", spacing_mm=unit, extent_mm=[[5, 10]] * 3, modalities=["MR"]),
    ]
    names = [fit.card.name[0] for fit in ranked(scan, cards, read_values=True)]
    assert names == ["e", "d", "c", "b", "a"]


def test_a_model_that_needs_further_scans_comes_last() -> None:
    scan = in_memory(np.zeros((1, 8, 8, 8), np.int16), (1.0, 1.0, 1.0))
    cards = [card("contrasts", 3, "t1", "t2"), card("solid", 3, "t1"), card("flat", 2, "rgb")]
    ranks = ranked(scan, cards, read_values=True)
    assert [fit.card.name for fit in ranks] == ["solid", "contrasts"]
    assert ranks[1].channel == "t1"


def test_values_that_are_not_read_are_not_judged() -> None:
    def fail(_: object) -> NDArray[Any]:
        raise AssertionError("A voxel was read.")

    stored = in_memory(np.zeros((3, 8, 8), np.uint8))
    cards = [card("grey", 2, "em"), card("flat", 2, "rgb", components=3)]
    ranks = ranked(replace(stored, reader=fail), cards, read_values=False)
    assert not any(fit.doubts for fit in ranks)
