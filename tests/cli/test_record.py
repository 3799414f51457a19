"""`tessera evaluate --precision both` and `tessera models record`, on a real network."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from click.testing import CliRunner, Result
from PIL import Image
from scipy import ndimage

from cli.main import tessera
from imaging.errors import BadModel, BadRequest
from imaging.formats.sniff import open_scan
from imaging.metrics import dice
from inference.engine import Engine
from inference.options import UNCHECKED, RunOptions
from models.card import ModelCard
from models.card_parts import Sample
from models.registry import ZOO, Registry

NAME = "nuclei-2d"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(tessera, [str(a) for a in arguments])


@pytest.fixture
def study(tmp_path: Path, cache: Path) -> Path:
    """Two images of stained tissue; the references are the masks in fp32, grown by a pixel."""
    slide = skimage.data.immunohistochemistry()
    engine, model = Engine(Registry(), cache=cache), Registry().get(NAME)
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    for n, name in enumerate(("one", "two")):
        path = tmp_path / "images" / f"{name}.png"
        Image.fromarray(slide[:200, 200 * n : 200 * n + 200]).save(path)
        result = engine.run({"image": open_scan(path)}, model, RunOptions(precision="fp32"))
        grown = ndimage.grey_dilation(result.mask, size=(3, 3)).astype(np.uint16)
        Image.fromarray(grown).save(tmp_path / "labels" / path.name)
    return tmp_path


def evaluate(study: Path, *more: object) -> Result:
    where = ("--images", study / "images", "--labels", study / "labels")
    return run("evaluate", "--model", NAME, *where, *more)


@pytest.mark.slow
@pytest.mark.bf16
def test_both_precisions_are_evaluated_and_recorded(study: Path, cache: Path) -> None:
    file, table, folder = study / "e.json", study / "e.csv", study / NAME
    done = evaluate(study, "--precision", "both", "--json", file, "--csv", table)
    assert done.exit_code == 0, done.output
    assert "difference" in done.output
    evaluation = json.loads(file.read_text())
    engine, model = Engine(Registry(), cache=cache), Registry().get(NAME)
    for precision, option in (("fp32", "fp32"), ("bf16", UNCHECKED)):
        expected = []
        for path in sorted((study / "images").iterdir()):
            mask = engine.run({"image": open_scan(path)}, model, RunOptions(precision=option)).mask
            reference = np.asarray(Image.open(study / "labels" / path.name))
            expected.append(dice(mask > 0, reference > 0))
        results = evaluation["precisions"][precision]
        assert results["dice"]["mean"] == pytest.approx(np.mean(expected))
        assert evaluation["scores"][precision]["dice"] == round(float(np.mean(expected)), 4)
        assert 0.5 < np.mean(expected) < 0.95
    assert [line.split(",")[2] for line in table.read_text().splitlines()[1:]] == [
        *("fp32", "fp32"),
        *("bf16", "bf16"),
    ]
    shutil.copytree(ZOO / NAME, folder)
    done = run("models", "record", folder, file, "--data", "Two images.", "--margin", 0.01)
    assert done.exit_code == 0, f"{done.output} {done.exception}"
    record = ModelCard.load(folder / "card.json").accuracy
    assert record is not None
    assert (record.cases, record.data, record.margin) == (2, "Two images.", 0.01)
    assert record.fp32 == evaluation["scores"]["fp32"]
    assert record.lower == evaluation["scores"]["bf16"]
    shipped = model.card.accuracy
    assert shipped is not None
    assert record.sample_sha256 == shipped.sample_sha256
    assert record.sample["1"] == pytest.approx(shipped.sample["1"], abs=shipped.margin)


@pytest.mark.slow
@pytest.mark.bf16
def test_what_cannot_be_recorded(study: Path) -> None:
    single, both, folder = study / "s.json", study / "b.json", study / NAME
    assert evaluate(study, "--json", single).exit_code == 0
    assert evaluate(study, "--precision", "both", "--json", both).exit_code == 0
    shutil.copytree(ZOO / NAME, folder)
    path = folder / "card.json"
    card = ModelCard.load(path)
    (study / "torn.json").write_text("{")
    Image.new("L", (64, 64)).save(folder / "blank.png")
    without = card.model_copy(update={"sample": Sample(kind="file", files=("blank.png",))})
    for file, changed, error, complaint in (
        (study / "torn.json", card, BadRequest, "not the file of an evaluation"),
        (single, card, BadRequest, "does not have two precisions"),
        (both, card.model_copy(update={"sha256": "0" * 64}), BadRequest, "is of the network"),
        (both, without, BadModel, "does not predict the label 1"),
    ):
        changed.save(path)
        before = path.read_bytes()
        done = run("models", "record", folder, file, "--data", "Two images.")
        assert isinstance(done.exception, error)
        assert complaint in str(done.exception)
        assert path.read_bytes() == before


def test_a_machine_with_one_precision_cannot_evaluate_both(study: Path) -> None:
    done = evaluate(study, "--precision", "both", "--device", "cpu")
    assert isinstance(done.exception, BadRequest)
    assert "computes only in fp32" in str(done.exception)
