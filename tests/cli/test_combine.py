"""`tessera models combine`, and what the other commands do with such a model."""

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from models.combination import Combination
from models.registry import Registry
from tests.support.command_line import tessera
from tests.support.convolutions import network
from tests.support.reference_cases import add_reference, one_pass, smooth_noise

LABELS = {"one": ("liver", "spleen"), "two": ("aorta", "spleen")}


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of two added models with two labels each."""
    monkeypatch.setenv("TESSERA_DATA", str(tmp_path / "data"))
    folder = tmp_path / "data" / "models"
    for width, (name, labels) in enumerate(LABELS.items(), 4):
        card = network(folder / name, name, width)
        named = [
            one.model_copy(update={"name": label})
            for one, label in zip(card.labels, labels, strict=True)
        ]
        card.model_copy(update={"labels": tuple(named)}).save(folder / name / "card.json")
    return folder


def values(models: Path, name: str = "both") -> dict[str, dict[int, int]]:
    """Part -> its values -> those of the whole, as the card on disk lists them."""
    card = Combination.load(models / name / "card.json")
    return {part.model: {one.label: one.value for one in part.labels} for part in card.parts}


def printed(capsys: pytest.CaptureFixture[str], status: int, *arguments: object) -> str:
    assert tessera("models", *arguments) == status
    captured = capsys.readouterr()
    return " ".join((captured.out + captured.err).split())


BOTH = ("combine", "both", "--part", "one", "--part", "two")


def test_labels_are_numbered_by_their_names(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = printed(capsys, 0, *BOTH, "--title", "Everything")
    assert "1 liver, 2 spleen, 3 aorta" in text
    assert values(models) == {"one": {1: 1, 2: 2}, "two": {1: 3, 2: 2}}
    shown = printed(capsys, 0, "show", "both")
    assert "part 2 two 1: 1 -> 3, 2 -> 2" in shown
    assert "both 1 3D liver, spleen, aorta Everything" in printed(capsys, 0)
    fields = json.loads(printed(capsys, 0, "show", "both", "--json"))
    assert fields["sha256"] == Registry(models).get("both").card.checksum
    assert "already exists" in printed(capsys, 1, *BOTH)


def test_values_of_a_table(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "labels.json"
    table.write_text(json.dumps({"background": 0, "spleen": 300, "aorta": 1}))
    printed(capsys, 0, *BOTH, "--labels", table, "--label", "liver=0")
    assert values(models) == {"one": {2: 300}, "two": {1: 1, 2: 300}}


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (["--label", "lung=3"], "A value is stated for lung, which no part has."),
        (["--label", "lung"], "give a name and a whole number"),
        (["--label", "liver=0", "--label", "spleen=0"], "No label of one is painted."),
        (["--label", "liver=2", "--label", "aorta=2"], "the value 2 is named liver and aorta"),
        (["--part", "one"], "each model may be a part once"),
        (["--part", "three"], "There is no model with that name."),
        (["--within", "none"], "needs the mask of the model none"),
        (["--within", "one", "--within-label", "lung"], "lung, which is no label of one"),
    ],
)
def test_what_is_refused(
    models: Path, more: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tessera("models", *BOTH, *more) != 0
    assert problem in " ".join(capsys.readouterr().err.split())
    assert not (models / "both").exists()


def test_a_table_that_is_none(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (models.parent / "x.json").write_text('{"liver": "1"}')
    text = printed(capsys, 2, *BOTH, "--labels", models.parent / "x.json")
    assert "The file of labels is not valid." in text


@pytest.mark.slow
def test_it_is_used_as_any_model(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Written by hand and added, segmented, evaluated, measured and verified."""
    printed(capsys, 0, *BOTH, "--within", "two", "--within-label", "aorta", "--margin", 2)
    by_hand = tmp_path / "by-hand"
    by_hand.mkdir()
    fields: dict[str, Any] = json.loads((models / "both" / "card.json").read_text())
    (by_hand / "card.json").write_text(json.dumps(fields | {"name": "again"}))
    assert "Added: again 1, made of one, two." in printed(capsys, 0, "add", by_hand)
    assert "box aorta of two, and 2 mm around them" in printed(capsys, 0, "show", "again")

    images, labels = tmp_path / "images", tmp_path / "labels"
    images.mkdir()
    scan, mask, report = images / "a.nii.gz", labels / "a.nii.gz", tmp_path / "report.json"
    voxels = np.random.default_rng(3).normal(size=(20, 21, 22)).astype(np.float32)
    nib.save(nib.Nifti1Image(voxels, np.eye(4)), scan)
    fp32 = ("--device", "cpu", "--precision", "fp32")
    assert tessera("segment", "--model", "again", scan, "-o", mask, "--report", report, *fp32) == 0
    assert set(np.unique(np.asarray(nib.load(mask).dataobj))) == {0, 1, 2, 3}
    facts = json.loads(report.read_text())
    assert [part["model"]["name"] for part in facts["parts"]] == ["one", "two"]
    assert facts["box_found_by"]["labels"] == ["aorta"]

    where = ("--images", images, "--labels", labels)
    scores = tmp_path / "scores.json"
    assert tessera("evaluate", "--model", "again", *where, *fp32, "--json", scores) == 0
    evaluation = json.loads(scores.read_text())
    assert evaluation["sha256"] == facts["model"]["sha256"]
    assert evaluation["scores"]["fp32"]["dice"] == 1
    capsys.readouterr()
    assert tessera("bench", "--model", "again", "--shape", "20", "--runs", 1, *fp32) == 0
    assert "again on 20 x 20 x 20" in capsys.readouterr().out

    case = smooth_noise(16)
    add_reference(models / "two", case, one_pass(models / "two" / "model.onnx", case))
    text = printed(capsys, 0, "verify", "again", *fp32)
    assert "Reference case: passed" in text
    assert "one has no reference case." in text
