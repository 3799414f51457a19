"""`tessera segment` and its neighbours, as a user types them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import skimage.data
import tifffile
import zarr
from PIL import Image

from imaging.errors import BadRequest
from imaging.formats import registry
from imaging.formats.mask_file import read
from models.nets.config import UNetConfig
from tests.support.command_line import tessera
from tests.support.networks import exported, random_network


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "slide.png"
    Image.fromarray(skimage.data.immunohistochemistry()[:200, :240]).save(path)
    return path


def test_a_file_for_one_scan(
    volume: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, report, picture = tmp_path / "m.nii.gz", tmp_path / "r.json", tmp_path / "p.png"
    more = ("--report", report, "--preview", picture)
    assert tessera("segment", volume, "--model", "hippocampus-mri-3d", "-o", out, *more) == 0
    assert capsys.readouterr().out.strip() == str(out)
    mask, scan = nibabel.load(out), nibabel.load(volume)
    assert mask.shape == scan.shape
    np.testing.assert_array_equal(mask.affine, scan.affine)
    told = json.loads(report.read_text())
    voxels = {row["value"]: row["voxels"] for row in told["measurements"]["labels"]}
    counts = np.bincount(np.asarray(mask.dataobj).ravel(), minlength=3)
    assert voxels == {1: counts[1], 2: counts[2]}
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_an_uncompressed_mask(volume: Path, tmp_path: Path) -> None:
    out = tmp_path / "m.nii"
    assert tessera("segment", volume, "--model", "hippocampus-mri-3d", "-o", out) == 0
    assert nibabel.load(out).shape == (30, 34, 28)
    assert out.read_bytes()[:2] != b"\x1f\x8b"


def test_doubts_about_a_mask_are_printed(
    volume: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ct, report = tmp_path / "ct.nii", tmp_path / "r.json"
    image = nibabel.load(volume)
    nibabel.save(nibabel.Nifti1Image(hounsfield(image.shape), image.affine), ct)
    asked = ("segment", ct, "--model", "hippocampus-mri-3d", "-o", tmp_path / "m.nii")
    assert tessera(*asked, "--report", report) == 0
    kinds = [doubt["kind"] for doubt in json.loads(report.read_text())["doubts"]]
    assert "modality" in kinds
    printed = " ".join(capsys.readouterr().err.split())
    assert "This mask may be wrong:" in printed
    assert "- Its values look like the Hounsfield units of a CT (training: MR)." in printed


def hounsfield(shape: tuple[int, ...]) -> np.ndarray:
    """A third air, the rest soft tissue."""
    values = np.random.default_rng(3).normal(40, 30, shape)
    values[: shape[0] // 3] = -1000
    return values.astype(np.int16)


def test_a_mask_to_start_from(
    volume: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is the result, in the format of the output; a mask of another grid is refused."""
    scan, labels = nibabel.load(volume), np.zeros((30, 34, 28), np.uint8)
    labels[3:9, 10:20, 4:6] = 2
    nibabel.save(nibabel.Nifti1Image(labels, scan.affine), tmp_path / "given.nii")
    nibabel.save(nibabel.Nifti1Image(labels[:-1], scan.affine), tmp_path / "other.nii")
    common = ("segment", volume, "--model", "hippocampus-mri-3d", "--mask-use", "start", "-o")
    assert tessera(*common, tmp_path / "m.nii.gz", "--mask", tmp_path / "given.nii") == 0
    np.testing.assert_array_equal(nibabel.load(tmp_path / "m.nii.gz").dataobj, labels)
    assert "No network made it" in " ".join(capsys.readouterr().err.split())
    assert tessera(*common, tmp_path / "n.nii.gz", "--mask", tmp_path / "other.nii") != 0
    assert "grid" in capsys.readouterr().err
    assert not (tmp_path / "n.nii.gz").exists()


@pytest.mark.slow
def test_a_folder_for_several_and_masks_bear_their_scans_names(
    picture: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.tif"
    Image.open(picture).save(other)
    out = tmp_path / "masks"
    assert tessera("segment", picture, other, "--model", "nuclei-2d", "-o", out) == 0
    assert sorted(path.name for path in out.iterdir()) == ["other.png", "slide.png"]
    first, second = (np.asarray(Image.open(out / f"{name}.png")) for name in ("slide", "other"))
    assert first.shape == (200, 240)
    assert first.max() > 3  # nuclei, numbered
    np.testing.assert_array_equal(first, second)
    assert set(np.unique(first)) == set(range(first.max() + 1))


@pytest.mark.slow
def test_an_ome_zarr_and_a_tiled_tiff_give_the_mask_of_the_png(
    picture: Path, tmp_path: Path
) -> None:
    pixels = np.asarray(Image.open(picture))
    tifffile.imwrite(tmp_path / "tiled.tif", pixels, tile=(64, 64), compression="zlib")
    folder = ome_zarr(tmp_path / "slide-2.ome.zarr", np.moveaxis(pixels, -1, 0))
    scans = (picture, tmp_path / "tiled.tif", folder)
    for form, end in (("png", ".png"), ("ome-tiff", ".ome.tif"), ("ome-zarr", ".ome.zarr")):
        out = tmp_path / form
        options = ("--model", "nuclei-2d", "-o", out, "--format", form)
        assert tessera("segment", *scans, *options) == 0
        names = [f"{name}{end}" for name in ("slide", "slide-2", "tiled")]
        assert {path.name for path in out.iterdir()} == set(names)
        masks = [read(out / name) for name in names]
        assert masks[0].max() > 3
        for mask in masks[1:]:
            np.testing.assert_array_equal(mask, masks[0])
    named = tmp_path / "named.ome.zarr"
    for _ in range(2):  # the second replaces the first
        assert tessera("segment", folder, "--model", "nuclei-2d", "-o", named) == 0
        np.testing.assert_array_equal(read(named), masks[0])
    assert tessera("segment", folder, "--model", "nuclei-2d", "-o", tmp_path) == 0
    for place in (folder, folder / "mask.png"):
        assert tessera("segment", folder, "--model", "nuclei-2d", "-o", place) == 2
    assert sorted(path.name for path in folder.iterdir()) == [".zattrs", ".zgroup", "0"]
    assert tessera("segment", tmp_path, "--model", "nuclei-2d", "-o", tmp_path / "x") == 2


def ome_zarr(folder: Path, values: np.ndarray) -> Path:
    """A picture of axes c, y, x."""
    group = zarr.open_group(folder, mode="w", zarr_format=2)
    group.create_array("0", shape=values.shape, dtype=values.dtype, chunks=(1, 64, 64))[...] = (
        values
    )
    axes: list[Any] = [
        {"name": "c", "type": "channel"},
        *({"name": n, "type": "space"} for n in "yx"),
    ]
    place = [{"type": "scale", "scale": [1.0, 1.0, 1.0]}]
    datasets: list[Any] = [{"path": "0", "coordinateTransformations": place}]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": datasets}]
    return folder


@pytest.fixture
def two_contrasts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Scans for the model `two`, which looks at t1 and t2; t2 is stored from left to right."""
    config = UNetConfig.of_widths((4, 8), dimension=3, in_channels=2, padding="same")
    channels = [{"name": "t1"}, {"name": "t2"}]
    exported(random_network(config, 3), config, "two", tmp_path / "models", channels=channels)
    monkeypatch.setenv("TESSERA_MODELS", str(tmp_path / "models"))
    rng = np.random.default_rng(5)
    found = {}
    for name, step, shape in (("t1", 1, (20, 18, 16)), ("t2", -1, (24, 18, 16))):
        affine = np.diag([step, 1.0, 1.0, 1.0])
        affine[0, 3] = 0 if step > 0 else shape[0] - 1
        found[name] = tmp_path / f"subject-{name}.nii"
        voxels = rng.normal(size=shape).astype(np.float32)
        nibabel.save(nibabel.Nifti1Image(voxels, affine), found[name])
    return found


def test_contrasts_come_in_any_order(two_contrasts: dict[str, Path], tmp_path: Path) -> None:
    """The mask lies on the grid of the model's first channel, and in a folder bears its name."""
    masks = []
    for order in (("t1", "t2"), ("t2", "t1")):
        given = [w for name in order for w in ("--channel", f"{name}={two_contrasts[name]}")]
        out = tmp_path / "-".join(order)
        assert tessera("segment", *given, "--model", "two", "-o", f"{out}/") == 0
        assert [path.name for path in out.iterdir()] == ["subject-t1.nii.gz"]
        masks.append(nibabel.load(out / "subject-t1.nii.gz"))
    for mask in masks:
        np.testing.assert_array_equal(mask.affine, np.eye(4))
        assert mask.shape == (20, 18, 16)
    first, second = (np.asarray(mask.dataobj) for mask in masks)
    assert 0 < first.mean() < 1
    np.testing.assert_array_equal(first, second)


def test_channels_that_are_parts_of_one_file(two_contrasts: dict[str, Path]) -> None:
    """A 4D NIfTI of both contrasts gives the mask that two files give."""
    folder = two_contrasts["t1"].parent
    images = [nibabel.load(two_contrasts["t1"])] * 2
    images[1] = nibabel.Nifti1Image(images[0].get_fdata(dtype=np.float32)[::-1], images[0].affine)
    nibabel.save(images[1], folder / "other.nii")
    nibabel.save(nibabel.concat_images(images), folder / "both.nii.gz")
    masks: list[np.ndarray] = []
    for t1, t2 in ((two_contrasts["t1"], folder / "other.nii"), ("both.nii.gz#1", "both.nii.gz#2")):
        given = ("--channel", f"t1={folder / t1}", "--channel", f"t2={folder / t2}")
        out = folder / f"mask-{len(masks)}.nii"
        assert tessera("segment", *given, "--model", "two", "-o", out) == 0
        masks.append(np.asarray(nibabel.load(out).dataobj))
    assert 0 < masks[0].mean() < 1
    np.testing.assert_array_equal(masks[0], masks[1])


@pytest.mark.slow
def test_one_bad_scan_does_not_spoil_the_others(
    picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty, out = tmp_path / "empty.png", tmp_path / "out"
    empty.touch()
    assert tessera("segment", empty, picture, "--model", "nuclei-2d", "-o", out) == 2
    assert [path.name for path in out.iterdir()] == ["slide.png"]
    said = capsys.readouterr().err
    assert "empty.png" in said
    assert "1 of 2 scans" in said


def test_a_pictures_mask_as_nifti(picture: Path, tmp_path: Path) -> None:
    arguments = ("segment", picture, "--model", "nuclei-2d", "-o", tmp_path / "out")
    assert tessera(*arguments, "--format", "nifti") == 0
    assert nibabel.load(tmp_path / "out" / "slide.nii.gz").shape == (240, 200, 1)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("missing.nii", "--model", "nuclei-2d"), "does not exist"),
        (("{volume}", "--model", "nuclei-2d"), "segments 2D scans"),
        (("{picture}", "--model", "hippocampus-mri-3d"), "segments 3D scans"),
        (("{picture}", "--model", "nope"), "no model with that name"),
        (("{picture}", "--model", "nuclei-2d", "--tile", "3"), "too small"),
        (("{picture}", "{picture}", "--model", "nuclei-2d"), "the name slide"),
        (("--model", "nuclei-2d"), "Either scans"),
        (("--channel", "t2={volume}", "--model", "hippocampus-mri-3d"), "a scan for each of: t1"),
        (("{text}", "--model", "hippocampus-mri-3d"), ""),
        *(
            (("{volume}", "--mask", "{volume}", "--model", "nuclei-2d", "--margin", margin), reason)
            for margin, reason in (
                ("nan", "not a finite number"),
                ("inf", "0<=x<=1000"),
                ("-inf", "0<=x<=1000"),
                ("1e400", "0<=x<=1000"),
                ("1000.1", "0<=x<=1000"),
            )
        ),
    ],
)
def test_bad_requests_are_plain_sentences(
    arguments: tuple[str, ...],
    complaint: str,
    volume: Path,
    picture: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = tmp_path / "text.nii.gz"
    text.write_text("not a scan")
    known = {"volume": volume, "picture": picture, "text": text}
    status = tessera("segment", *(a.format(**known) for a in arguments), "-o", tmp_path / "out")
    said = capsys.readouterr().err
    assert status in (1, 2)
    assert "Error: " in said
    assert complaint in said
    assert "Traceback" not in said
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_nothing_is_written_over_a_scan(picture: Path, volume: Path, tmp_path: Path) -> None:
    before = picture.read_bytes(), volume.read_bytes()
    nuclei = ("--model", "nuclei-2d", "-o")
    assert tessera("segment", picture, *nuclei, picture) == 2
    assert tessera("segment", picture, *nuclei, picture.parent) == 2
    other = tmp_path / "o.png"
    assert tessera("segment", picture, *nuclei, other, "--preview", picture) == 2
    assert tessera("segment", picture, *nuclei, other, "--preview", other) == 2
    assert tessera("segment", volume, "--model", "hippocampus-mri-3d", "-o", volume) == 2
    assert (picture.read_bytes(), volume.read_bytes()) == before
    assert not other.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("{picture}", "--model", "nuclei-2d", "-o", "{picture}/mask.png"),
        ("{picture}", "--model", "nuclei-2d", "-o", "/proc/none/mask.png"),
        ("{picture}", "--model", "nuclei-2d", "-o", "{folder}/" + "n" * 300 + ".png"),
        ("{picture}", "{volume}", "--model", "nuclei-2d", "-o", "{folder}/new.png"),
        ("--channel", "image={picture}", "--channel", "image={volume}", "--model", "nuclei-2d",
         "-o", "{folder}/m.png"),
    ],
)  # fmt: skip
def test_places_that_cannot_be_are_said_plainly(
    arguments: tuple[str, ...],
    picture: Path,
    volume: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    known = {"picture": picture, "volume": volume, "folder": tmp_path}
    assert tessera("segment", *(a.format(**known) for a in arguments)) in (1, 2)
    said = capsys.readouterr().err
    assert "Error: " in said
    assert "Traceback" not in said


def test_a_setting_that_is_no_number_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TESSERA_MAX_UPLOAD_BYTES", "abc")
    assert tessera("models") == 2
    assert "TESSERA_MAX_UPLOAD_BYTES" in capsys.readouterr().err


def test_contradicting_names_are_refused(picture: Path, tmp_path: Path) -> None:
    from cli.mask_targets import mask_targets

    with pytest.raises(BadRequest, match=r"cannot be written as '\.txt'"):
        mask_targets([picture], tmp_path / "mask.txt", None)
    with pytest.raises(BadRequest, match="stands for png"):
        mask_targets([picture], tmp_path / "mask.png", "nifti")
    with pytest.raises(BadRequest, match="stands for dicom-seg"):
        mask_targets([picture], tmp_path / "mask.seg.dcm", "dicom-rtstruct")
    for name, named in (("mask.dcm", None), ("mask.dcm", "nifti"), ("mask.gz", "nifti")):
        with pytest.raises(BadRequest, match="cannot be written as"):
            mask_targets([picture], tmp_path / name, named)


def test_a_dicom_object_may_end_in_dcm_if_the_format_is_given(tmp_path: Path) -> None:
    from cli.mask_targets import mask_targets

    (target,) = mask_targets([tmp_path / "series.dcm"], tmp_path / "x.dcm", "dicom-rtstruct")
    assert target.path("nifti") == tmp_path / "x.dcm"
    assert target.format_of("nifti") == registry.mask_format("dicom-rtstruct")


def test_evaluate_measures_what_segment_makes(picture: Path, tmp_path: Path) -> None:
    """A model agrees with itself: Dice 1, HD95 0, every object found."""
    images, labels = tmp_path / "images", tmp_path / "labels"
    images.mkdir()
    picture.rename(images / "slide.png")
    arguments = ("--model", "nuclei-2d")
    assert tessera("segment", images / "slide.png", *arguments, "-o", str(labels) + "/") == 0
    out = tmp_path / "figures.json"
    where = ("--images", images, "--labels", labels, "--json", out)
    assert tessera("evaluate", *arguments, *where) == 0
    told = json.loads(out.read_text())
    nucleus = told["labels"]["nucleus"]
    means = {name: nucleus["means"][name]["mean"] for name in ("dice", "hd95", "ap", "seg")}
    assert means == {"dice": 1.0, "hd95": 0.0, "ap": 1.0, "seg": 1.0}
    assert nucleus["missed"] == 0
    (labels / "slide.png").rename(labels / "another.png")
    assert tessera("evaluate", *arguments, *where) == 2


def test_models_are_listed_shown_and_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from models.registry import ZOO

    monkeypatch.setenv("TESSERA_MODELS", str(tmp_path / "added"))
    assert tessera("models") == 0
    assert "nuclei-2d" in capsys.readouterr().out
    assert tessera("models", "show", "nuclei-2d", "--json") == 0
    card = json.loads(capsys.readouterr().out)
    mine = tmp_path / "mine"
    mine.mkdir()
    for name in ("model.onnx", "sample.png"):
        (mine / name).write_bytes((ZOO / "nuclei-2d" / name).read_bytes())
    (mine / "card.json").write_text(json.dumps(card | {"name": "mine"}))
    assert tessera("models", "add", mine) == 0
    assert tessera("models", "show", "mine") == 0
    assert tessera("models", "add", mine) == 1  # taken
    assert tessera("models", "show", "nope") == 1


def test_bench_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert tessera("bench", "--model", "nuclei-2d", "--shape", "128", "--runs", "1") == 0
    assert "planned" in capsys.readouterr().out


def test_a_config_that_cannot_serve_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.toml"
    for text in ("not toml at all", "seed = 1\n"):
        config.write_text(text)
        assert tessera("train", config, "-o", tmp_path / "run") == 2
        said = capsys.readouterr().err
        assert "Error: " in said
        assert "Traceback" not in said


@pytest.mark.process
def test_serving_imports_no_torch(picture: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from cli.main import tessera\n"
        f"tessera.main(['segment', {str(picture)!r}, '--model', 'nuclei-2d', '-o', "
        f"{str(tmp_path / 'm.png')!r}], standalone_mode=False)\n"
        "import service.app, workers.worker, cli.evaluate\n"
        "import imaging.metrics.membrane, inference.evaluation.plot\n"
        "sys.exit('torch' in sys.modules or 'monai' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-P", "-c", code], check=False).returncode == 0


def test_the_volumes_of_a_file_are_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "several.nii"
    nibabel.save(nibabel.Nifti1Image(np.zeros((3, 4, 5, 2), np.uint8), np.eye(4)), path)
    arguments = ("segment", path, "--model", "hippocampus-mri-3d", "-o", tmp_path / "mask.nii")
    assert tessera(*arguments) == 2
    listed = capsys.readouterr().err
    assert "  --volume 2   volume 2 of 2, 5 x 4 x 3\n" in listed
    assert "Choose it with --volume, as listed above." in listed
    assert tessera(*arguments, "--volume", "3") != 0
    assert "no volume number 3" in capsys.readouterr().err


@pytest.mark.slow
def test_each_volume_of_a_file_gets_a_mask(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = np.random.default_rng(0).normal(100, 20, (20, 24, 16, 2)).astype(np.float32)
    path = tmp_path / "sub-1_bold.nii.gz"
    nibabel.save(nibabel.Nifti1Image(values, np.diag([1.0, 1, 1.2, 1])), path)
    one = tmp_path / "one.nii"
    nibabel.save(nibabel.Nifti1Image(values[..., 1], np.diag([1.0, 1, 1.2, 1])), one)
    model = ("--model", "hippocampus-mri-3d")
    assert tessera("segment", path, *model, "--each", "-o", tmp_path / "out") == 0
    assert tessera("segment", one, *model, "-o", tmp_path / "one-mask.nii.gz") == 0
    names = ["sub-1_bold-1.nii.gz", "sub-1_bold-2.nii.gz"]
    assert sorted(mask.name for mask in (tmp_path / "out").iterdir()) == names
    second = nibabel.load(tmp_path / "out" / names[1]).get_fdata()
    assert np.array_equal(second, nibabel.load(tmp_path / "one-mask.nii.gz").get_fdata())
    capsys.readouterr()
    channel = ("--channel", f"t1={path}")
    assert tessera("segment", *channel, *model, "--each", "-o", tmp_path / "out") == 2
    assert "--each cannot be combined" in capsys.readouterr().err
