"""Label maps that are given with a scan: to crop to, to start from, and as input of a network."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydantic import ValidationError

from imaging.box import Box
from imaging.crop import cropped
from imaging.errors import BadInput, BadRequest, ScanModelMismatch
from imaging.formats.mask_file import read, write
from imaging.formats.sniff import open_scan
from imaging.given_mask import take_given_mask
from imaging.same_grid import label_view
from imaging.scan import Scan, in_memory
from inference.engine import Engine
from inference.given_mask import crop_box
from inference.network_input import network_input
from inference.options import RunOptions
from models.card import ModelCard
from models.card_parts import Channel
from models.nets.config import UNetConfig
from models.registry import Model, Registry
from tests.support.cards import card

CONFIG = UNetConfig.of_widths((4, 6), dimension=3, out_channels=3, padding="same", batch_norm=True)
AFFINE = np.array([[0, -1.0, 0, 5], [1.5, 0, 0, -7], [0, 0, 2.0, 3], [0, 0, 0, 1]])
GRID = (24, 30, 20)


@pytest.fixture
def voxels() -> NDArray[np.float32]:
    return np.random.default_rng(4).normal(100, 30, GRID).astype(np.float32)


@pytest.fixture
def labels() -> NDArray[np.uint8]:
    values = np.zeros(GRID, np.uint8)
    values[9:13, 10:16, 8:11] = 1
    values[10, 12, 8] = 2
    return values


def nifti(path: Path, values: NDArray[Any], affine: NDArray[np.float64] = AFFINE) -> Path:
    nib.save(nib.Nifti1Image(values, affine), path)
    return path


def engine_of(model: Model) -> Engine:
    return Engine(Registry(model.folder.parent, zoo=model.folder / "none"), device="cpu")


def test_only_the_box_is_segmented(
    tmp_path: Path,
    make_model: Callable[..., Model],
    voxels: NDArray[np.float32],
    labels: NDArray[np.uint8],
) -> None:
    """As if nibabel had cropped the scan before, and pasted the mask into the whole grid."""
    model, margin = make_model("cropping", CONFIG), 3.0
    scan = nifti(tmp_path / "scan.nii", voxels)
    mask = nifti(tmp_path / "mask.nii.gz", labels)
    engine = engine_of(model)
    options = RunOptions("cpu", "fp32", None, "crop", margin)
    made = engine.segment({"image": scan, "mask": mask}, model.card.name, tmp_path / "out", options)

    # spacing: 1.5 mm along i, 1 along j, 2 along k; 3 mm are 2, 3 and 2 voxels
    inside = (slice(7, 15), slice(7, 19), slice(6, 13))
    part = nib.load(scan).slicer[inside]
    nib.save(part, tmp_path / "part.nii")
    plain = RunOptions("cpu", "fp32")
    alone = engine.segment(
        {"image": tmp_path / "part.nii"}, model.card.name, tmp_path / "alone", plain
    )
    expected = np.zeros(GRID, np.uint8)
    expected[inside] = np.asarray(nib.load(alone.mask).dataobj)
    assert expected.any()
    written = nib.load(made.mask)
    assert np.array_equal(np.asarray(written.dataobj), expected)
    assert np.array_equal(written.affine, AFFINE)
    assert made.report["box"] == [[7, 7, 6], [15, 19, 13]]
    first = made.report["measurements"]["labels"][0]
    assert first["voxels"] == np.count_nonzero(expected == 1)


CASCADE_3D = UNetConfig.of_widths(
    (4, 6), dimension=3, in_channels=3, out_channels=3, padding="same", batch_norm=True
)


def test_the_label_map_of_a_channel_is_cropped_with_the_scan(
    tmp_path: Path,
    make_model: Callable[..., Model],
    voxels: NDArray[np.float32],
    labels: NDArray[np.uint8],
) -> None:
    """As if nibabel had cropped the scan and the label map, which is stored along other axes."""
    channels = [{"name": "t1"}, {"name": "coarse", "label_values": [1, 2]}]
    model = make_model("cropping-cascade", CASCADE_3D, channels=channels)
    coarse = np.random.default_rng(6).integers(0, 3, GRID, np.uint8)
    files = {"t1": nifti(tmp_path / "t1.nii", voxels), "coarse": tmp_path / "coarse.nii"}
    to = nib.orientations.axcodes2ornt("SLP")
    way = nib.orientations.ornt_transform(nib.io_orientation(AFFINE), to)
    nib.save(nib.Nifti1Image(coarse, AFFINE).as_reoriented(way), files["coarse"])
    mask = nifti(tmp_path / "mask.nii.gz", labels)
    engine, options = engine_of(model), RunOptions("cpu", "fp32", None, "crop", 3.0)
    made = engine.segment(files | {"mask": mask}, model.card.name, tmp_path / "out", options)

    inside = (slice(7, 15), slice(7, 19), slice(6, 13))
    parts = {"t1": tmp_path / "t1-part.nii", "coarse": tmp_path / "coarse-part.nii"}
    for name, values in (("t1", voxels), ("coarse", coarse)):
        nib.save(nib.Nifti1Image(values, AFFINE).slicer[inside], parts[name])
    plain = RunOptions("cpu", "fp32")
    alone = engine.segment(parts, model.card.name, tmp_path / "alone", plain)
    expected = np.zeros(GRID, np.uint8)
    expected[inside] = np.asarray(nib.load(alone.mask).dataobj)
    assert len(np.unique(expected[inside])) > 1
    assert np.array_equal(np.asarray(nib.load(made.mask).dataobj), expected)


CHANNELS_2D = [{"name": "dapi"}, {"name": "actin"}, {"name": "nuclei", "label_values": [1]}]
CONFIG_2D = UNetConfig.of_widths(
    (4, 6), dimension=2, in_channels=3, out_channels=3, padding="same", batch_norm=True
)


def image_channels(
    folder: Path, box: tuple[slice, ...] = (slice(None), slice(None))
) -> dict[str, Path]:
    """The files of three channels of CHANNELS_2D, cropped to the box by numpy."""
    folder.mkdir()
    rng = np.random.default_rng(8)
    files = {}
    for name, top in (("dapi", 256), ("actin", 90), ("nuclei", 2)):
        files[name] = folder / f"{name}.png"
        values = rng.integers(0, top, (40, 52), np.uint8)
        Image.fromarray(np.ascontiguousarray(values[box])).save(files[name])
    return files


def image_mask(path: Path, box: tuple[slice, ...]) -> Path:
    values = np.zeros((40, 52), np.uint8)
    values[box] = 1
    Image.fromarray(values).save(path)
    return path


def test_every_channel_of_an_image_is_cropped(
    tmp_path: Path, make_model: Callable[..., Model]
) -> None:
    model = make_model("cropping-images", CONFIG_2D, channels=CHANNELS_2D)
    mask = image_mask(tmp_path / "mask.png", (slice(12, 24), slice(20, 36)))
    engine, options = engine_of(model), RunOptions("cpu", "fp32", None, "crop", 5.0)
    scans = image_channels(tmp_path / "whole") | {"mask": mask}
    made = engine.segment(scans, model.card.name, tmp_path / "out", options)

    inside = (slice(7, 29), slice(15, 41))
    parts = image_channels(tmp_path / "parts", inside)
    plain = RunOptions("cpu", "fp32")
    alone = engine.segment(parts, model.card.name, tmp_path / "alone", plain)
    expected = np.zeros((40, 52), np.uint8)
    expected[inside] = np.asarray(Image.open(alone.mask))
    assert len(np.unique(expected[inside])) > 1
    assert np.array_equal(np.asarray(Image.open(made.mask)), expected)
    assert made.report["box"] == [[7, 15], [29, 41]]


@pytest.mark.parametrize(
    ("channel", "error"), [("actin", ScanModelMismatch), ("nuclei", BadRequest)]
)
def test_a_channel_of_another_grid_is_not_cropped(
    tmp_path: Path, make_model: Callable[..., Model], channel: str, error: type[BadInput]
) -> None:
    """Not even where it has the shape of the box; the message states the grid of the scan."""
    model = make_model("cropping-images", CONFIG_2D, channels=CHANNELS_2D)
    mask = image_mask(tmp_path / "mask.png", (slice(0, 20), slice(0, 30)))
    scans = image_channels(tmp_path / "whole") | {"mask": mask}
    box = (slice(0, 25), slice(0, 35))  # with the margin
    scans[channel] = image_channels(tmp_path / "other", box)[channel]
    options = RunOptions("cpu", "fp32", None, "crop", 5.0)
    with pytest.raises(error, match=re.escape("(40, 52)")):
        engine_of(model).segment(scans, model.card.name, tmp_path / "out", options)


@pytest.mark.parametrize("turn", ["LPS", "RAS", "SLP", "AIR"])
def test_the_mask_to_start_from_is_the_result(
    tmp_path: Path,
    make_model: Callable[..., Model],
    voxels: NDArray[np.float32],
    labels: NDArray[np.uint8],
    turn: str,
) -> None:
    """It may be stored along other axes; nibabel turns it."""
    model = make_model("cropping", CONFIG)
    image = nib.Nifti1Image(labels, AFFINE)
    codes = nib.orientations.axcodes2ornt(turn)
    way = nib.orientations.ornt_transform(nib.io_orientation(AFFINE), codes)
    nib.save(image.as_reoriented(way), tmp_path / "mask.nii")
    scans = {"image": nifti(tmp_path / "scan.nii", voxels), "mask": tmp_path / "mask.nii"}
    options = RunOptions(mask="start")
    made = engine_of(model).segment(scans, model.card.name, tmp_path / "out", options)
    assert np.array_equal(np.asarray(nib.load(made.mask).dataobj), labels)
    counts = [row["voxels"] for row in made.report["measurements"]["labels"]]
    assert counts == [np.count_nonzero(labels == 1), 1]
    assert "No network made it" in made.report["warnings"][-1]
    assert made.preview.stat().st_size


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda path, labels: nifti(path, labels[1:]), "has the shape"),
        (lambda path, labels: nifti(path, labels, AFFINE + np.eye(4, 4, 3)), "voxels away"),
        (lambda path, labels: nifti(path, labels * np.float32(0.5)), "not label numbers"),
        (lambda path, labels: nifti(path, labels.astype(np.int16) - 1), "not label numbers"),
        (lambda path, labels: nifti(path, labels * 3), "not labels of"),
    ],
)
def test_a_mask_of_another_grid_or_of_other_values_is_refused(
    tmp_path: Path,
    make_model: Callable[..., Model],
    voxels: NDArray[np.float32],
    labels: NDArray[np.uint8],
    change: Callable[..., Path],
    reason: str,
) -> None:
    model = make_model("cropping", CONFIG)
    mask = change(tmp_path / "mask.nii", labels)
    scans = {"image": nifti(tmp_path / "scan.nii", voxels), "mask": mask}
    with pytest.raises(BadRequest, match=reason):
        engine_of(model).segment(scans, model.card.name, tmp_path / "out", RunOptions(mask="start"))
    assert not (tmp_path / "out").exists()


def test_an_empty_mask_and_none_at_all(
    tmp_path: Path, make_model: Callable[..., Model], voxels: NDArray[np.float32]
) -> None:
    model = make_model("cropping", CONFIG)
    scans = {"image": nifti(tmp_path / "scan.nii", voxels)}
    with pytest.raises(BadRequest, match="no mask is given"):
        engine_of(model).segment(scans, model.card.name, tmp_path / "out", RunOptions(mask="crop"))
    scans["mask"] = nifti(tmp_path / "mask.nii", np.zeros(GRID, np.uint8))
    with pytest.raises(BadRequest, match="has no label"):
        engine_of(model).segment(scans, model.card.name, tmp_path / "out", RunOptions(mask="crop"))


@pytest.mark.parametrize(
    ("scans", "channels"), [({"t1": 1}, ["t1"]), ({"t1": 1, "mask": 2}, ["t1", "mask"])]
)
def test_no_mask_is_taken_where_none_is_given(scans: dict[str, int], channels: list[str]) -> None:
    """A scan of the model's own channel `mask` is not one."""
    before = dict(scans)
    with pytest.raises(BadRequest, match="no mask is given"):
        take_given_mask(scans, channels)
    assert scans == before


@pytest.mark.parametrize("name", ["mask.png", "mask.nii.gz", "mask.ome.tif", "mask.nrrd"])
def test_a_mask_of_an_image_in_every_format_that_tessera_writes(tmp_path: Path, name: str) -> None:
    """A NIfTI or NRRD of an image is upright for viewers (imaging/formats/label_map.py)."""
    labels = np.zeros((12, 17), np.uint8)
    labels[2:5, 6:13] = 7
    scan = in_memory(np.zeros((1, 12, 17), np.uint8))
    write(tmp_path / name, labels, scan)
    view = label_view(open_scan(tmp_path / name), scan)
    assert np.array_equal(view.read(Box.whole(view.grid))[0], labels)
    assert np.array_equal(view.read(Box((1, 5), (6, 9)))[0], labels[1:6, 5:9])
    assert crop_box(view, 2) == Box((0, 4), (7, 15))  # pixels: the image has no pixel size
    assert np.array_equal(read(tmp_path / name, 2), labels)


def cascade(**changes: Any) -> ModelCard:
    channels = (Channel(name="t1"), Channel(name="stage-1", label_values=(1, 2)))
    return card("solid", 3, "t1").model_copy(update={"channels": channels, **changes})


@pytest.mark.parametrize("spacing", [None, (3.0, 3.0, 3.0)])
def test_the_mask_of_an_earlier_network_is_an_input(
    labels: NDArray[np.uint8], voxels: NDArray[np.float32], spacing: Any
) -> None:
    """One input channel for each value, not normalised."""
    labels[4:20, 5:25, 2:18] = 1
    scan = in_memory(voxels[None], (1.5, 1.0, 2.0))
    label: Scan = in_memory(labels[None], (1.5, 1.0, 2.0))
    described = cascade(spacing_mm=spacing)
    assert described.components == 3
    subject = network_input({"t1": scan, "stage-1": label}, described)
    inputs = subject.read(Box.whole(subject.grid))
    assert inputs.shape == (3, *subject.grid)
    assert set(np.unique(inputs[1:])) <= {0.0, 1.0}
    if spacing is None:
        assert np.array_equal(inputs[1:], np.stack([labels == 1, labels == 2]))
    else:
        assert inputs[1].sum() * 27 == pytest.approx(np.sum(labels == 1) * 3.0, rel=0.1)
    shifted = in_memory(labels[None, 1:], (1.5, 1.0, 2.0))
    with pytest.raises(BadRequest, match="has the shape"):
        network_input({"t1": scan, "stage-1": shifted}, described)


def test_the_first_channel_is_a_scan() -> None:
    facts = card("solid", 3, "t1").model_dump()
    facts["channels"] = [{"name": "t1", "label_values": [1]}]
    with pytest.raises(ValidationError, match="first channel"):
        ModelCard.model_validate(facts)


def test_a_crop_keeps_the_padding_at_its_place() -> None:
    """DICOM's padding is cropped with the voxels, and a label map has none."""
    rng = np.random.default_rng(1)
    padded, values = rng.random((5, 6, 7)) > 0.5, rng.random((1, 5, 6, 7))
    scan = replace(in_memory(values), padding=lambda box: padded[box.slices])
    part = cropped(scan, Box((1, 2, 3), (4, 6, 7)))
    inner = Box((1, 0, 2), (3, 4, 3))
    found = part.padding_in(inner)
    assert found is not None
    assert np.array_equal(found, padded[2:4, 2:6, 5:6])
    assert np.array_equal(part.read(inner), values[:, 2:4, 2:6, 5:6])
    assert label_view(in_memory(np.ones((1, 5, 6, 7), np.uint8)), scan).padding is None


def test_a_crop_lies_where_it_lay() -> None:
    """Its first voxel is at the place of the box's first voxel; other channels follow that."""
    scan = replace(in_memory(np.zeros((1, 5, 6, 7))), affine=AFFINE)
    part = cropped(scan, Box((1, 2, 3), (4, 6, 7)))
    assert np.allclose(part.affine @ (0, 0, 0, 1), AFFINE @ (1, 2, 3, 1))
    assert np.allclose(part.affine @ (2, 1, 3, 1), AFFINE @ (3, 3, 6, 1))
    flat = cropped(in_memory(np.zeros((1, 5, 6)), (0.5, 0.5)), Box((1, 2), (4, 6)))
    assert np.allclose(flat.affine[:2, 3], (1, 2))


@pytest.mark.parametrize("turn", ["LPS", "SLP", "AIR", "RIP"])
def test_a_part_of_a_mask_that_is_stored_along_other_axes(turn: str) -> None:
    """nibabel turns the label map; each part of the view is that of the original."""
    values = np.random.default_rng(2).integers(0, 5, (5, 6, 7), np.uint8)
    image = nib.Nifti1Image(values, AFFINE)
    codes = nib.orientations.axcodes2ornt(turn)
    way = nib.orientations.ornt_transform(nib.io_orientation(AFFINE), codes)
    turned = image.as_reoriented(way)
    label = replace(in_memory(np.asarray(turned.dataobj)[None]), affine=turned.affine)
    scan = replace(in_memory(np.zeros((1, 5, 6, 7))), affine=AFFINE)
    view = label_view(label, scan)
    box = Box((1, 0, 3), (4, 2, 7))
    assert np.array_equal(view.read(box)[0], values[box.slices])


def test_a_margin_of_tiny_pixels_is_the_whole_grid() -> None:
    """1000 mm are infinitely many pixels of this size, as numbers go."""
    label = in_memory(np.eye(6, dtype=np.uint8)[None, :, 1:5], (1e-320, 1.0))
    assert crop_box(label, 1000.0) == Box((0, 0), (6, 4))
