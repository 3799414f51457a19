"""Masks as a BIDS derivative data set.

Names and fields follow BIDS 1.10; the official validator (bids-validator 3.0) finds no error in a
data set that `tessera segment --bids` wrote of these scans. The tables are read by csv, the masks
by nibabel.
"""

import csv
import json
import os
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from cli.bids.data_set import subjects
from cli.bids.file_name import name_of, parsed_name
from imaging.errors import BadRequest
from models.nets.config import UNetConfig
from tests.support.command_line import tessera
from tests.support.networks import exported, random_network

AFFINE = np.array([[0, -1.0, 0, 5], [1.5, 0, 0, -7], [0, 0, 2.0, 3], [0, 0, 0, 1]])


def scan(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).normal(100, 20, (14, 12, 10)).astype(np.float32)
    nib.save(nib.Nifti1Image(values, AFFINE), path)
    return path


def data_set(root: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        scan(root / name, number)
    facts = {"Name": "made", "BIDSVersion": "1.10.0", "DatasetType": "raw"}
    (root / "dataset_description.json").write_text(json.dumps(facts))
    return root


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for name, channels in (("one-t1", ["t1"]), ("both", ["t1", "flair"])):
        config = UNetConfig.of_widths(
            (4, 8), dimension=3, in_channels=len(channels), out_channels=3, padding="same"
        )
        facts = {"channels": [{"name": channel} for channel in channels]}
        exported(random_network(config, 3), config, name, folder, **facts)
    return folder


@pytest.fixture(autouse=True)
def _models(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESSERA_MODELS", str(models))


def files_of(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


@pytest.mark.slow
def test_a_data_set(tmp_path: Path) -> None:
    """All T1w images; other kinds, derivatives and source data are left out."""
    root = data_set(
        tmp_path / "study",
        "sub-01/anat/sub-01_T1w.nii.gz",
        "sub-01/anat/sub-01_T2w.nii.gz",
        "sub-02/ses-a/anat/sub-02_ses-a_acq-mp2rage_run-2_T1w.nii",
        "derivatives/other/sub-01/anat/sub-01_desc-x_T1w.nii.gz",
        "sourcedata/sub-01/anat/sub-01_T1w.nii.gz",
    )
    out = root / "derivatives" / "tessera"
    assert tessera("segment", root, "--bids", "--model", "one-t1", "-o", out) == 0
    first = "sub-01/anat/sub-01_desc-onet1_dseg"
    second = "sub-02/ses-a/anat/sub-02_ses-a_acq-mp2rage_run-2_desc-onet1_dseg"
    expected = [f"{n}{end}" for n in (first, second) for end in (".json", ".nii.gz", ".tsv")]
    assert files_of(out) == ["dataset_description.json", *expected]

    mask = nib.load(out / f"{second}.nii.gz")
    assert np.array_equal(mask.affine, AFFINE)
    assert mask.shape == (14, 12, 10)
    with (out / f"{first}.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert rows == [
        {"index": "1", "name": "l1", "color": "#ff0000"},
        {"index": "2", "name": "l2", "color": "#ff0000"},
    ]
    side = json.loads((out / f"{second}.json").read_text())
    source = "bids:raw:sub-02/ses-a/anat/sub-02_ses-a_acq-mp2rage_run-2_T1w.nii"
    assert (side["Sources"], side["SpatialReference"]) == ([source], source)
    assert side["Manual"] is False
    facts = json.loads((out / "dataset_description.json").read_text())
    assert facts["DatasetType"] == "derivative"
    assert facts["GeneratedBy"][0]["Name"] == "Tessera"
    linked = (out / facts["DatasetLinks"]["raw"]).resolve()
    assert linked == root.resolve()
    assert (linked / source.removeprefix("bids:raw:")).is_file()

    assert tessera("segment", root, "--bids", "--model", "one-t1", "-o", out) == 0  # again
    other = ("--channel", "t1=T2w")
    assert tessera("segment", root, "--bids", "--model", "one-t1", "-o", out, *other) != 0


def test_channels_are_matched_by_their_entities(tmp_path: Path) -> None:
    root = data_set(
        tmp_path / "study",
        "sub-01/anat/sub-01_run-1_T1w.nii.gz",
        "sub-01/anat/sub-01_run-1_FLAIR.nii.gz",
        "sub-01/anat/sub-01_run-2_T1w.nii.gz",
        "sub-01/anat/sub-01_run-2_FLAIR.nii.gz",
        "sub-02/anat/sub-02_T1w.nii.gz",
        "sub-02/anat/sub-02_acq-3d_FLAIR.nii.gz",
        "sub-03/anat/sub-03_T1w.nii.gz",
        "sub-04/anat/sub-04_T1w.nii.gz",
        "sub-04/anat/sub-04_acq-a_FLAIR.nii.gz",
        "sub-04/anat/sub-04_acq-b_FLAIR.nii.gz",
    )
    chosen, incomplete = subjects(root, ["t1", "flair"], {})
    names = [(one["t1"].name, one["flair"].name) for one in chosen]
    assert names == [
        ("sub-01_run-1_T1w.nii.gz", "sub-01_run-1_FLAIR.nii.gz"),
        ("sub-01_run-2_T1w.nii.gz", "sub-01_run-2_FLAIR.nii.gz"),
        ("sub-02_T1w.nii.gz", "sub-02_acq-3d_FLAIR.nii.gz"),
    ]
    assert incomplete == 2
    for suffixes, reason in (({"t1": "T2w"}, "no image"), ({"pd": "PDw"}, "no channel pd")):
        with pytest.raises(BadRequest, match=reason):
            subjects(root, ["t1", "flair"], suffixes)
    with pytest.raises(BadRequest, match="FLAIR, T1w"):
        subjects(root, ["image"], {})


@pytest.mark.parametrize("name", ["sub-7_acq-x_T1w.nii.gz", "Some scan.nii"])
def test_single_scans(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A name that is none of BIDS gives a subject of its letters and digits, and of a hash."""
    path, out = scan(tmp_path / name), tmp_path / "out"
    assert tessera("segment", path, "--bids", "--model", "one-t1", "-o", out) == 0
    subject = "sub-7" if name.startswith("sub") else "sub-Somescancb326b88"
    rest = "_acq-x" if name.startswith("sub") else ""
    assert f"{subject}/anat/{subject}{rest}_desc-onet1_dseg.nii.gz" in files_of(out)
    assert str(out) in capsys.readouterr().out


def test_a_supplied_mask(tmp_path: Path) -> None:
    """The name and the side file say that no network made it; the network's mask stays."""
    path, out, given = scan(tmp_path / "sub-7_T1w.nii"), tmp_path / "out", tmp_path / "given.nii"
    labels = np.zeros((14, 12, 10), np.uint8)
    labels[2:5, 3:6, 4:7] = 1
    nib.save(nib.Nifti1Image(labels, AFFINE), given)
    common = ("segment", path, "--bids", "--model", "one-t1", "-o", out)
    assert tessera(*common) == 0
    stem = out / "sub-7/anat/sub-7_desc-onet1_dseg"
    by_network = stem.with_name(f"{stem.name}.nii.gz").read_bytes()
    assert tessera(*common, "--mask", given, "--mask-use", "start") == 0
    side = json.loads((stem.parent / "sub-7_desc-onet1supplied_dseg.json").read_text())
    assert "No neural network made it" in side["Description"]
    assert not {"Manual", "Model"} & set(side)
    assert side["LabelsOfModel"]["name"] == "one-t1"
    assert stem.with_name(f"{stem.name}.nii.gz").read_bytes() == by_network


@pytest.mark.parametrize("moved", [False, True])
def test_masks_of_another_data_set_are_kept(
    tmp_path: Path, moved: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two data sets whose scans have the same names; also where the description is lost."""
    name, out = "sub-01/anat/sub-01_T1w.nii.gz", tmp_path / "out"
    first, second = data_set(tmp_path / "a", name), data_set(tmp_path / "b", name)
    common = ("--bids", "--model", "one-t1", "-o", out)
    assert tessera("segment", first, *common) == 0
    if moved:
        (out / "dataset_description.json").unlink()
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    for other in (second, second / name, first / name):
        assert tessera("segment", other, *common) != 0
        reason = "exists, and was made" if moved else "masks of another data set"
        assert reason in " ".join(capsys.readouterr().err.split())
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    assert (tessera("segment", first, *common) == 0) is not moved


def test_masks_of_scans_outside_a_data_set_are_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names of other scripts give different subjects; an equal name is refused."""
    out = tmp_path / "out"
    common = ("--bids", "--model", "one-t1", "-o", out)
    scans = [scan(tmp_path / name, n) for n, name in enumerate(("患者.nii", "病人.nii", "a/x.nii"))]
    assert tessera("segment", *scans, *common) == 0
    assert len(list(out.glob("sub-*"))) == 3
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert tessera("segment", scan(tmp_path / "b" / "x.nii", 9), *common) != 0
    assert "sub-x_desc-onet1_dseg exists" in " ".join(capsys.readouterr().err.split())
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("field", "value"),
    [("Sources", 5), ("Sources", []), ("Model", "one-t1"), ("Model", {"name": "on-et1"}), ("", 0)],
)
def test_a_mask_of_unknown_origin_is_kept(tmp_path: Path, field: str, value: object) -> None:
    """The side file is not that of these scans and this model, or is lost (no field)."""
    root, out = data_set(tmp_path / "a", "sub-01/anat/sub-01_T1w.nii.gz"), tmp_path / "out"
    common = ("segment", root, "--bids", "--model", "one-t1", "-o", out)
    assert tessera(*common) == 0
    assert tessera(*common) == 0
    (side,) = (out / "sub-01").rglob("*.json")
    if field:
        side.write_text(json.dumps(json.loads(side.read_text()) | {field: value}))
    else:
        side.unlink()
    assert tessera(*common) != 0


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"GeneratedBy": 5}, "did not write"),
        ({"GeneratedBy": {"Name": "Tessera"}}, "did not write"),
        ({"GeneratedBy": [5, {"Name": ["Tessera"]}]}, "did not write"),
        ({"DatasetType": ["derivative"]}, "did not write"),
        ({"DatasetLinks": 5}, "another data set"),
        ({"DatasetLinks": {"raw": 5}}, "another data set"),
        ({"DatasetLinks": {"raw": "a\0b"}}, "another data set"),
        ({"DatasetLinks": {"raw": "\ud800"}}, "another data set"),
        ({"DatasetLinks": {"raw": "a" * 5000}}, "another data set"),
        ([], "cannot be read"),
    ],
)
def test_descriptions_of_wrong_types(
    tmp_path: Path, facts: object, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root, out = data_set(tmp_path / "study", "sub-01/anat/sub-01_T1w.nii.gz"), tmp_path / "out"
    ours = {"DatasetType": "derivative", "GeneratedBy": [{"Name": "Tessera"}]}
    out.mkdir()
    value = ours | facts if isinstance(facts, dict) else facts
    (out / "dataset_description.json").write_text(json.dumps(value))
    assert tessera("segment", root, "--bids", "--model", "one-t1", "-o", out) == 2
    assert reason in " ".join(capsys.readouterr().err.split())
    (out / "dataset_description.json").write_text("[" * 100_000)
    assert tessera("segment", root, "--bids", "--model", "one-t1", "-o", out) == 2


def test_a_source_whose_name_is_not_utf_8(tmp_path: Path) -> None:
    """Its link is written, and recognised by the next run."""
    root = data_set(tmp_path / os.fsdecode(b"\xff"), "sub-01/anat/sub-01_T1w.nii.gz")
    for _ in range(2):
        assert tessera("segment", root, "--bids", "--model", "one-t1", "-o", tmp_path / "out") == 0


def test_scans_that_are_links(tmp_path: Path) -> None:
    """DataLad keeps each scan as a link into .git/annex: its source is the name of the link."""
    name, annexed = "sub-01/anat/sub-01_T1w.nii.gz", tmp_path / "study/.git/annex/one.nii.gz"
    root, out = data_set(tmp_path / "study", name), tmp_path / "out"
    annexed.parent.mkdir(parents=True)
    (root / name).rename(annexed)
    (root / name).symlink_to(annexed)
    assert tessera("segment", root, "--bids", "--model", "one-t1", "-o", out) == 0
    (side,) = (out / "sub-01").rglob("*.json")
    assert json.loads(side.read_text())["Sources"] == [f"bids:raw:{name}"]


def test_what_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = data_set(tmp_path / "study", "sub-01/anat/sub-01_T1w.nii.gz")
    before = files_of(root)
    common = ("segment", root, "--bids", "--model")
    for more, reason in (
        (("one-t1", "-o", root), "did not write"),
        (("one-t1", "-o", tmp_path / "out", "--format", "nrrd"), "NIfTI"),
        (("nuclei-2d", "-o", tmp_path / "out"), "numbers objects"),
        (("both", "-o", tmp_path / "out"), "kinds T1w"),
    ):
        assert tessera(*common, *more) != 0
        assert reason in " ".join(capsys.readouterr().err.split())
    assert files_of(root) == before
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "entities", "suffix"),
    [
        ("sub-01_T1w.nii.gz", {"sub": "01"}, "T1w"),
        ("sub-a1_ses-2_task-rest_bold.nii", {"sub": "a1", "ses": "2", "task": "rest"}, "bold"),
        ("sub-01_sub-02_T1w.nii", None, ""),
        ("ses-1_T1w.nii", None, ""),
        ("sub-01.nii.gz", None, ""),
        ("sub-0_1_T1w.nii.gz", None, ""),
        ("sub-01_T1w.json", None, ""),
    ],
)
def test_names(name: str, entities: dict[str, str] | None, suffix: str) -> None:
    parsed = parsed_name(Path("sub-01/anat") / name)
    assert (None if parsed is None else dict(parsed.entities)) == entities
    if parsed is not None:
        assert parsed.suffix == suffix
    derived = name_of(Path("x") / "sub-01_space-MNI_desc-preproc_T1w.nii.gz").derivative("m")
    assert derived == "sub-01_space-MNI_desc-m_dseg"
