"""A model that runs in the box which a coarse model finds."""

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from imaging.box import Box
from imaging.crop import cropped
from imaging.errors import BadModel
from imaging.scan import Scan
from inference.cascade import label_map
from inference.engine import Engine
from inference.given_mask import label_box
from inference.options import RunOptions
from inference.run_context import RunContext
from inference.save import save
from models.card import ModelCard
from models.card_parts import Within
from models.combination import Combination
from models.registry import AnyModel, Registry
from tests.support.convolutions import network
from tests.support.instance_norm import NNUNET, instance_norm_model
from tests.support.scans import noise, scan_of
from tests.support.threshold import threshold_network

FP32 = RunOptions("cpu", "fp32")
SPACING = (1.0, 2.0, 0.5)
BRIGHT = Box((8, 9, 10), (19, 20, 31))
BOX = Box((5, 7, 4), (22, 22, 37))
"""BRIGHT and 3 mm around it: 3, 2 (not 1.5) and 6 voxels."""
WITHIN = {"model": "threshold", "labels": ["above"], "margin_mm": 3.0}


def scan_with_a_bright_box() -> Scan:
    values = noise((1, 30, 29, 41), SPACING).read(Box.whole((30, 29, 41))) * 0.1
    values[0][BRIGHT.slices] += 1
    return scan_of(values.astype(np.float32), SPACING)


SCAN = scan_with_a_bright_box()


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """`threshold` finds what is bright; `fine` has z-scores of what it is given; so has `other`."""
    folder = tmp_path / "models"
    threshold_network(folder, intensity={"kind": "none"})
    facts: dict[str, Any] = {"within": WITHIN, "intensity": {"kind": "zscore"}}
    instance_norm_model(folder / "fine", NNUNET | {"mirror_axes": []}, **facts)
    network(folder / "other", "other", 8)
    return Registry(folder, zoo=tmp_path / "none")


def combined(registry: Registry, **facts: Any) -> AnyModel:
    parts = [{"model": "other", "labels": [{"label": 1, "value": 5}]},
             {"model": "fine", "labels": [{"label": 2, "value": 9}]}]  # fmt: skip
    stated = {"name": "whole", "version": "1", "title": "x", "parts": parts} | facts
    return registry.combined(Combination.model_validate(stated))


def changed(registry: Registry, name: str, **facts: Any) -> None:
    model = registry.network(name)
    model.card.model_copy(update=facts).save(model.folder / "card.json")


def alone(engine: Engine, name: str, scan: Scan, registry: Registry) -> NDArray[Any]:
    """The mask of a network, without its box."""
    changed(registry, name, within=None)
    return engine.run({"image": scan}, registry.get(name), FP32).mask


def pasted(mask: NDArray[Any], box: Box) -> NDArray[Any]:
    whole = np.zeros(SCAN.grid, mask.dtype)
    whole[box.slices] = mask
    return whole


@pytest.mark.slow
def test_the_mask_is_that_of_the_cropped_scan(registry: Registry, tmp_path: Path) -> None:
    """So the statistics of the z-score are those of the box, as with a scan cropped before."""
    engine, seen = Engine(registry), list[float]()
    context = RunContext(lambda done, total: seen.append(done / total))
    result = engine.run({"image": SCAN}, registry.get("fine"), FP32, context)
    expected = pasted(alone(engine, "fine", cropped(SCAN, BOX), registry), BOX)
    everywhere = alone(engine, "fine", SCAN, registry)
    assert set(np.unique(expected)) == {0, 1, 2, 3}
    assert (everywhere[BOX.slices] != expected[BOX.slices]).sum() > 100
    np.testing.assert_array_equal(result.mask, expected)
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0, 1)

    report = save(result, SCAN, tmp_path / "out").report
    assert report["box"] == [list(BOX.start), list(BOX.stop)]
    found_by, coarse = report["box_found_by"], registry.network("threshold").card
    assert found_by["model"] == {"name": "threshold", "version": "1", "sha256": coarse.checksum}
    assert (found_by["labels"], found_by["margin_mm"]) == (["above"], 3.0)
    assert (found_by["precision"], found_by["tiling"]["kind"]) == ("fp32", "exact")


@pytest.mark.slow
def test_all_parts_run_in_one_box_and_a_part_in_its_own(registry: Registry) -> None:
    """`fine` has a box of its own, which it finds again in the box of the whole."""
    engine = Engine(registry)
    result = engine.run({"image": SCAN}, combined(registry, within=WITHIN), FP32)
    own = engine.run({"image": SCAN}, combined(registry), FP32)
    crop = cropped(SCAN, BOX)
    other, fine = (alone(engine, name, crop, registry) for name in ("other", "fine"))
    expected = np.where(fine == 2, 9, np.where(other == 1, 5, 0))
    assert set(np.unique(expected)) == {0, 5, 9}
    np.testing.assert_array_equal(result.mask, pasted(expected, BOX))
    assert [part.box for part in result.record.parts] == [None, BOX]

    whole = np.where(alone(engine, "other", SCAN, registry) == 1, 5, 0)
    whole[BOX.slices][fine == 2] = 9
    np.testing.assert_array_equal(own.mask, whole)


@pytest.mark.parametrize("name", ["fine", "whole"])
def test_nothing_is_found(registry: Registry, name: str, tmp_path: Path) -> None:
    model = combined(registry, within=WITHIN) if name == "whole" else registry.get(name)
    dark = noise((1, 20, 21, 22), SPACING)
    dark = scan_of(dark.read(Box.whole(dark.grid)) * 0, SPACING)
    seen = list[float]()
    context = RunContext(lambda done, total: seen.append(done / total))
    result = Engine(registry).run({"image": dark}, model, FP32, context)
    assert not result.mask.any()
    assert seen == sorted(seen)
    assert seen[-1] == 1
    report = save(result, dark, tmp_path / "out").report
    assert report["warnings"][0] == (
        f"threshold found no above in this scan, around which {name} would have run. "
        "Nothing was segmented: the mask is empty."
    )
    assert (report["device"], report["tiling"]) == ("none", {"kind": "none", "tiles": 0})
    assert report["box"] is None
    assert report["box_found_by"]["model"]["name"] == "threshold"
    assert not any("predicts no label" in warning for warning in report["warnings"])
    assert {"kind": "empty", "text": report["warnings"][0]} in report["doubts"]


@pytest.mark.parametrize("name", ["fine", "whole"])
def test_a_mask_in_the_request_replaces_the_box(
    registry: Registry, name: str, tmp_path: Path
) -> None:
    if name == "whole":
        parts = combined(registry).card.model_dump()["parts"]
        for part in parts:
            del part["version"], part["sha256"]
        stated = {"name": "whole", "version": "1", "title": "x", "parts": parts, "within": WITHIN}
        registry.add_combination(Combination.model_validate(stated))
    affine = np.diag([*SPACING, 1.0])
    given = np.zeros(SCAN.grid, np.uint8)
    given[3:15, 4:18, 20:35] = 1
    nib.save(nib.Nifti1Image(SCAN.read(Box.whole(SCAN.grid))[0], affine), tmp_path / "scan.nii")
    nib.save(nib.Nifti1Image(given, affine), tmp_path / "given.nii")
    options = RunOptions("cpu", "fp32", mask="crop", margin_mm=0)
    scans = {"image": tmp_path / "scan.nii", "mask": tmp_path / "given.nii"}
    output = Engine(registry).segment(scans, name, tmp_path / "out", options)
    report = output.report
    assert report["box"] == [[3, 4, 20], [15, 18, 35]]
    assert report["box_found_by"] is None
    note = f"{name} ran in the box of the given mask, not in that of threshold."
    assert note in report["warnings"]
    box = Box((3, 4, 20), (15, 18, 35))
    fine = alone(Engine(registry), "fine", cropped(SCAN, box), registry)
    expected = fine if name == "fine" else np.where(fine == 2, 9, 0)
    mask = np.asarray(nib.load(output.mask).dataobj)
    if name == "whole":
        mask = np.where(mask == 9, 9, 0)
    np.testing.assert_array_equal(mask, pasted(expected, box))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"model": "none"}, "needs the mask of the model none, which is not available"),
        (WITHIN | {"labels": ["liver"]}, "liver, which is no label of threshold"),
    ],
)
def test_a_coarse_model_that_is_missing_or_does_not_fit(
    registry: Registry, change: dict[str, Any], problem: str
) -> None:
    changed(registry, "fine", within=Within.model_validate(change))
    with pytest.raises(BadModel, match=problem):
        Engine(registry).run({"image": SCAN}, registry.get("fine"), FP32)


def test_a_model_does_not_find_its_own_box(registry: Registry) -> None:
    fields = registry.network("fine").card.model_dump() | {"within": {"model": "fine"}}
    with pytest.raises(ValidationError, match="cannot find its own box"):
        ModelCard.model_validate(fields)


def test_a_coarse_model_needs_no_other(registry: Registry) -> None:
    """So no two models can wait for each other."""
    within = registry.network("fine").card.within
    assert within is not None
    changed(registry, "other", within=within.model_copy(update={"model": "fine"}))
    with pytest.raises(BadModel, match="fine, whose mask other needs, itself needs the mask"):
        Engine(registry).run({"image": SCAN}, registry.get("other"), FP32)


@pytest.mark.slow
def test_further_channels_are_prepared_in_the_box_too(registry: Registry, tmp_path: Path) -> None:
    """As an imported nnU-Net does, for which all files had been cropped before."""
    channels = [{"name": "image"}, {"name": "t2"}]
    steps = [{"step": "normalise", "rules": [{"kind": "zscore"}]}]
    instance_norm_model(
        tmp_path / "models" / "pair", NNUNET | {"mirror_axes": []},
        channels=channels, intensity=None, preparation=steps, within=WITHIN,
    )  # fmt: skip
    other = noise((1, *SCAN.grid), SPACING, seed=4)
    engine, scans = Engine(registry), {"image": SCAN, "t2": other}
    result = engine.run(scans, registry.get("pair"), FP32)
    changed(registry, "pair", within=None)
    crops = {name: cropped(scan, BOX) for name, scan in scans.items()}
    expected = engine.run(crops, registry.get("pair"), FP32).mask
    np.testing.assert_array_equal(result.mask, pasted(expected, BOX))
    everywhere = engine.run(scans, registry.get("pair"), FP32).mask
    assert (everywhere[BOX.slices] != expected).sum() > 100


def test_only_the_wanted_labels_make_the_box() -> None:
    mask = np.zeros(SCAN.grid, np.uint8)
    mask[2:4, 20:25, 7], mask[15, 3:6, 30:33], mask[29, 0, 0] = 1, 2, 3
    label = label_map(mask, SCAN)
    assert label_box(label, 0, [2]) == Box((15, 3, 30), (16, 6, 33))
    assert label_box(label, 0, [2, 1]) == Box((2, 3, 7), (16, 25, 33))
    assert label_box(label, 0) == Box((2, 0, 0), (30, 25, 33))
    assert label_box(label, 0, [4]) is None
