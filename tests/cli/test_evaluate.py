"""`tessera evaluate` on real networks: its files tell what was computed here from the masks."""

import json
import math
import re
import sys
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest
import skimage.data
from click.testing import CliRunner, Result
from PIL import Image
from scipy import ndimage
from scipy.spatial.distance import cdist
from skimage.metrics import variation_of_information

from cli.cases import reference_mask
from cli.main import tessera
from imaging.errors import BadRequest, TesseraError
from imaging.formats.sniff import open_scan
from imaging.metrics.membrane import thinned
from imaging.metrics.warping import warping_error
from inference.evaluation import plot
from inference.evaluation.plot import PlottedCase, _edges, _planes
from models.nets.config import UNetConfig
from tests.support.networks import exported, random_network

SPACING = (1.5, 1.0, 0.8)


def run(*arguments: object) -> Result:
    cpu = ("--device", "cpu") if arguments[0] in ("evaluate", "segment") else ()
    return CliRunner().invoke(tessera, [str(a) for a in (*arguments, *cpu)])


class Study:
    """Folders of images and references; a model and what it finds."""

    def __init__(self, folder: Path, model: str) -> None:
        self.model = model
        self.images, self.labels, self.found = (folder / n for n in ("images", "labels", "found"))
        for part in (self.images, self.labels):
            part.mkdir()

    def segment(self) -> dict[str, Path]:
        """Case -> the mask that the model makes."""
        paths = sorted(self.images.iterdir())
        done = run("segment", *paths, "--model", self.model, "-o", f"{self.found}/")
        assert done.exit_code == 0, done.output
        return {path.name.split(".")[0]: path for path in self.found.iterdir()}

    def evaluate(self, *more: object) -> Result:
        where = ("--images", self.images, "--labels", self.labels)
        return run("evaluate", "--model", self.model, *where, *more)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`blocks`, 3D with two labels, and `walls`, 2D with one; random weights."""
    folder = tmp_path_factory.mktemp("models")
    for name, dimension, outputs, seed in (("blocks", 3, 3, 1), ("walls", 2, 2, 4)):
        config = UNetConfig.of_widths(
            (4, 8), dimension=dimension, out_channels=outputs, padding="same"
        )
        exported(random_network(config, seed), config, name, folder)
    return folder


@pytest.fixture
def study(tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Study]:
    monkeypatch.setenv("TESSERA_MODELS", str(models))
    monkeypatch.setenv("COLUMNS", "120")
    return lambda model: Study(tmp_path, model)


@pytest.fixture
def volumes(
    study: Callable[[str], Study],
) -> tuple[Study, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """Three volumes; the references are the masks, moved by 0, 1 and 2 voxels."""
    made = study("blocks")
    affine = np.diag([-SPACING[0], SPACING[1], SPACING[2], 1])
    rng = np.random.default_rng(0)
    for name in "abc":
        noise = ndimage.gaussian_filter(rng.normal(size=(14, 16, 12)), 1.5).astype(np.float32)
        nibabel.save(nibabel.Nifti1Image(noise, affine), made.images / f"{name}.nii.gz")
    masks = {}
    for step, (name, path) in enumerate(sorted(made.segment().items())):
        found = np.asarray(nibabel.load(path).dataobj)
        assert set(np.unique(found)) == {0, 1, 2}
        reference = np.roll(found, step, axis=0)
        nibabel.save(nibabel.Nifti1Image(reference, affine), made.labels / f"{name}.nii")
        masks[name] = (found, reference)
    return made, masks


def overlap(found: np.ndarray, reference: np.ndarray, value: int) -> float:
    both = ((found == value) & (reference == value)).sum()
    return float(2 * both / ((found == value).sum() + (reference == value).sum()))


def surface_points(mask: np.ndarray) -> np.ndarray:
    inner = ndimage.binary_erosion(mask, border_value=0)
    return np.argwhere(mask & ~inner) * SPACING


@pytest.mark.slow
def test_volumes(
    volumes: tuple[Study, dict[str, tuple[np.ndarray, np.ndarray]]], tmp_path: Path
) -> None:
    made, masks = volumes
    out, table, drawn = (tmp_path / "new" / name for name in ("e.json", "e.csv", "e.png"))
    done = made.evaluate("--json", out, "--csv", table, "--plot", drawn, "--tolerance", 2)
    assert done.exit_code == 0, done.output
    told, rows = json.loads(out.read_text()), pd.read_csv(table)
    assert list(rows["case"] + rows["label"]) == ["al1", "al2", "bl1", "bl2", "cl1", "cl2"]
    for row in rows.itertuples():
        value = int(row.label[1])
        found, reference = (mask == value for mask in masks[row.case])
        assert row.dice == pytest.approx(overlap(found, reference, True))
        distances = cdist(surface_points(found), surface_points(reference))
        both = np.concatenate([distances.min(0), distances.min(1)])
        assert row.hd95 == pytest.approx(np.percentile(both, 95), abs=1e-5)
        error = (int(found.sum()) - int(reference.sum())) * math.prod(SPACING) / 1000
        assert row.size_error == pytest.approx(error, abs=1e-9)
        assert row.size_error_percent == pytest.approx(
            100 * (found.sum() / reference.sum() - 1), abs=1e-9
        )
        assert (row.missed, row.spurious) == (False, False)
        assert (row.tolerance, row.distance_unit, row.size_unit) == (2.0, "mm", "ml")
        (case,) = [c for c in told["cases"] if c["case"] == row.case]
        assert case["labels"][row.label]["surface_dice"] == row.surface_dice
    assert list(rows.query("case == 'a'")["surface_dice"]) == [1.0, 1.0]
    assert (rows.query("case == 'b'")["surface_dice"] > 0.9).all()  # a voxel is 1.5 mm
    assert told["sha256"]
    for label, group in rows.groupby("label"):
        mean = told["labels"][label]["means"]["dice"]
        assert mean["mean"] == pytest.approx(group["dice"].mean())
        assert group["dice"].min() <= mean["low"] < mean["mean"] < mean["high"] <= 1.0
        assert f"{mean['mean']:.3f}" in done.output
    assert told["dice"]["mean"] == pytest.approx(rows["dice"].mean())
    assert_drawn(drawn)


def assert_drawn(path: Path) -> None:
    """Both outlines are there, and a picture beneath them."""
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        pixels = np.asarray(picture.convert("RGB")).reshape(-1, 3).astype(int)
    assert len(np.unique(pixels, axis=0)) > 100
    for color in ((0, 180, 216), (255, 183, 3)):
        assert (np.abs(pixels - color).max(1) < 12).sum() > 50


@pytest.mark.slow
def test_the_pictures_are_the_best_the_median_and_the_worst(
    volumes: tuple[Study, dict[str, tuple[np.ndarray, np.ndarray]]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, masks = volumes
    seen = []
    monkeypatch.setattr(plot, "draw", lambda shown, _path: seen.extend(shown))
    only = tmp_path / "cases.txt"
    scores = {name: np.mean([overlap(*pair, n) for n in (1, 2)]) for name, pair in masks.items()}
    assert made.evaluate("--plot", tmp_path / "e.png").exit_code == 0
    assert [shown.case for shown in seen] == sorted(scores, key=lambda name: -scores[name])
    assert [shown.title.split(":")[0] for shown in seen] == ["best", "median", "worst"]
    assert seen[0].title == "best: Dice 1.000"
    for shown in seen:
        np.testing.assert_array_equal(shown.predicted, masks[shown.case][0])
        np.testing.assert_array_equal(shown.reference, masks[shown.case][1])
    for names, ranks in (("b\nc\n", ["best", "worst"]), ("c", ["best"])):
        seen.clear()
        only.write_text(names)
        assert made.evaluate("--plot", tmp_path / "e.png", "--cases", only).exit_code == 0
        assert [shown.title.split(":")[0] for shown in seen] == ranks


def test_planes_and_outlines_lie_where_the_reference_is_largest(tmp_path: Path) -> None:
    """Stored from right to left; every plane is drawn with up at the top."""
    values = np.arange(4 * 5 * 6, dtype=np.float32).reshape(4, 5, 6)
    reference = np.zeros((4, 5, 6), np.uint8)
    reference[1:3, 2, 1:5] = 1
    reference[1, 2, 3], reference[2, 3, 4] = 0, 1
    path = tmp_path / "s.nii"
    nibabel.save(nibabel.Nifti1Image(values, np.diag([-2.0, 1, 3, 1])), path)
    scan = open_scan(path)
    axial, coronal, sagittal = _planes(PlottedCase("", "", scan, reference * 0, reference))
    np.testing.assert_array_equal(axial.pixels[..., 0], values[::-1, :, 4].T[::-1])
    np.testing.assert_array_equal(coronal.reference, reference[::-1, 2].T[::-1])
    np.testing.assert_array_equal(sagittal.reference, reference[2].T[::-1])
    assert (axial.aspect, coronal.aspect, sagittal.aspect) == (0.5, 1.5, 3.0)
    square = {tuple(map(tuple, side)) for side in _edges(np.array([[0, 0], [0, 7]]))}
    assert square == {
        ((0.5, 0.5), (1.5, 0.5)),
        ((0.5, 1.5), (1.5, 1.5)),
        ((0.5, 0.5), (0.5, 1.5)),
        ((1.5, 0.5), (1.5, 1.5)),
    }


@pytest.mark.slow
def test_numbered_objects(study: Callable[[str], Study], tmp_path: Path) -> None:
    """In the reference the objects bear other numbers, the first are missing, and one is new."""
    made = study("nuclei-2d")
    slide = skimage.data.immunohistochemistry()
    for n, name in enumerate(("one", "two")):
        Image.fromarray(slide[:150, 160 * n : 160 * n + 140]).save(made.images / f"{name}.png")
    expected = {}
    for removed, (name, path) in enumerate(sorted(made.segment().items()), start=1):
        found = np.asarray(Image.open(path)).astype(np.uint16)
        count = int(found.max())
        assert count > 4
        reference = np.where(found > removed, 1000 - found, 0).astype(np.uint16)
        new = ndimage.binary_erosion(found == 0, iterations=4)
        row, column = np.argwhere(new)[0]
        reference[row : row + 2, column : column + 2][new[row : row + 2, column : column + 2]] = 9
        Image.fromarray(reference).save(made.labels / f"{name}.png")
        expected[name] = (count - removed, count, count - removed + 1)
    table, out, drawn = (tmp_path / name for name in ("e.csv", "e.json", "e.png"))
    done = made.evaluate("--csv", table, "--json", out, "--plot", drawn)
    assert done.exit_code == 0, done.output
    rows = pd.read_csv(table).set_index("case")
    for name, (hits, count, objects) in expected.items():
        row = rows.loc[name]
        assert (row["objects"], row["found_objects"]) == (objects, count)
        precision = hits / (count + objects - hits)
        for figure in ("ap_50", "ap_75", "ap_90", "ap"):
            assert row[figure] == pytest.approx(precision)
        assert row["seg"] == pytest.approx(hits / objects)
        assert (row["distance_unit"], row["size_unit"]) == ("px", "px")
    seg = json.loads(out.read_text())["labels"]["nucleus"]["means"]["seg"]
    hits, _, objects = np.sum(list(expected.values()), axis=0)
    assert seg["mean"] == pytest.approx(hits / objects)
    assert_drawn(drawn)


def test_membranes_whose_reference_bears_other_values(
    study: Callable[[str], Study], tmp_path: Path
) -> None:
    made = study("walls")
    noise = ndimage.gaussian_filter(np.random.default_rng(3).normal(size=(60, 64)), 2)
    scaled = ((noise - noise.min()) / np.ptp(noise) * 255).astype(np.uint8)
    Image.fromarray(scaled).save(made.images / "em.png")
    (path,) = made.segment().values()
    found = np.asarray(Image.open(path)) == 1
    assert 0.05 < found.mean() < 0.95
    reference = ndimage.binary_dilation(found)
    reference[20:24] = False
    Image.fromarray(np.where(reference, 0, 255).astype(np.uint8)).save(made.labels / "em.png")
    out = tmp_path / "e.json"
    arguments = ("--json", out, "--map", "0=1,255=0")
    for membrane in ("l1", "1"):
        assert made.evaluate(*arguments, "--membrane", membrane).exit_code == 0
    (case,) = json.loads(out.read_text())["cases"]
    row = case["labels"]["l1"]
    assert row["pixel_error"] == pytest.approx((found != reference).mean())
    assert row["warping_error"] == pytest.approx(warping_error(found, reference))
    assert 0 < row["warping_error"] < row["pixel_error"]
    cells, grown = ndimage.label(~reference)[0], thinned(found)
    split, merged = variation_of_information(cells, grown, ignore_labels=(0,))
    assert row["variation_of_information"] == pytest.approx(split + merged)
    assert 0 < row["v_rand"] < 1
    assert made.evaluate("--json", out, "--map", "0=1", "--map", "255=0").exit_code == 0
    assert "v_rand" not in json.loads(out.read_text())["cases"][0]["labels"]["l1"]


def test_each_value_is_mapped_once(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    Image.fromarray(np.array([[0, 1, 2, 9]], np.uint8)).save(path)
    mapped = reference_mask(open_scan(path), [((1, 2), (2, 1)), ((9, 0),)], {1, 2})
    np.testing.assert_array_equal(mapped, [[0, 2, 1, 0]])


def test_probabilities_are_no_labels(tmp_path: Path) -> None:
    path = tmp_path / "mask.nii"
    for values in ([0.5, 1.0], [-1.0, 1.0], [np.nan, 1.0]):
        nibabel.save(nibabel.Nifti1Image(np.full((2, 2, 2), values, np.float32), None), path)
        with pytest.raises(BadRequest, match="not label numbers"):
            reference_mask(open_scan(path), [], {1})


def save(folder: Path, name: str, pixels: np.ndarray) -> None:
    Image.fromarray(pixels).save(folder / name)


@pytest.mark.parametrize(
    ("spoil", "arguments", "complaint"),
    [
        (lambda s: (s.labels / "em.png").rename(s.labels / "me.png"), (), "No image has"),
        (lambda s: save(s.labels, "em.png", np.zeros((20, 21), np.uint8)), (), r"\(20, 21\)"),
        (lambda s: save(s.labels, "em.png", np.zeros((20, 20, 3), np.uint8)), (), "3 components"),
        (lambda s: save(s.labels, "em.png", np.full((20, 20), 7, np.uint8)), (), "value 7"),
        (
            lambda s: save(s.labels, "em.tif", np.zeros((20, 20), np.uint8)),
            (),
            "have the same name",
        ),
        (lambda s: (s.images / "em.hdr").touch(), (), "header and its data file"),
        (lambda _: None, ("--map", "1=5"), "value 5"),
        (lambda _: None, ("--map", "1-5"), "whole numbers"),
        (lambda _: None, ("--cases", "{cases}"), "1 of 2 cases"),
        (lambda _: None, ("--membrane", "wall"), "no label wall"),
        (lambda _: None, ("--tolerance", "nan"), "not a finite number"),
        (lambda _: None, ("--tolerance", "inf"), "not a finite number"),
    ],
)
def test_what_cannot_be_evaluated_is_said_plainly(
    spoil: Callable[[Study], object],
    arguments: tuple[str, ...],
    complaint: str,
    study: Callable[[str], Study],
    tmp_path: Path,
) -> None:
    made = study("walls")
    save(made.images, "em.png", np.eye(20, dtype=np.uint8) * 99)
    save(made.labels, "em.png", np.eye(20, dtype=np.uint8))
    cases = tmp_path / "cases.txt"
    cases.write_text("em\nother\n")
    assert made.evaluate().exit_code == 0
    spoil(made)
    done = made.evaluate(*(a.format(cases=cases) for a in arguments))
    assert done.exit_code != 0
    if not isinstance(done.exception, SystemExit):
        assert isinstance(done.exception, TesseraError)
    assert re.search(complaint, f"{done.exception} {done.output}")


def test_membranes_are_for_pictures_with_labels(
    volumes: tuple[Study, dict[str, tuple[np.ndarray, np.ndarray]]],
) -> None:
    assert "does not apply" in str(volumes[0].evaluate("--membrane", "l1").exception)


def test_a_mirrored_reference_is_refused(
    volumes: tuple[Study, dict[str, tuple[np.ndarray, np.ndarray]]],
) -> None:
    made, masks = volumes
    nibabel.save(nibabel.Nifti1Image(masks["a"][0], np.eye(4)), made.labels / "a.nii")
    assert "a: The reference mask has another orientation" in str(made.evaluate().exception)


def test_what_is_not_installed_is_named(
    study: Callable[[str], Study], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("matplotlib", "skimage"):
        monkeypatch.setitem(sys.modules, package, None)  # as if it were not there
    made = study("walls")
    save(made.images, "em.png", np.eye(20, dtype=np.uint8) * 99)
    save(made.labels, "em.png", np.eye(20, dtype=np.uint8))
    save(made.images, "alone.png", np.eye(20, dtype=np.uint8) * 99)
    for option in (("--plot", tmp_path / "e.png"), ("--membrane", "l1")):
        done = made.evaluate(*option)
        assert isinstance(done.exception, BadRequest)
        assert "pip install '.[evaluate]'" in str(done.exception)
    done = made.evaluate()
    assert done.exit_code == 0
    assert "1 image has no reference" in done.output
