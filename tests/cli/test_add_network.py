"""From a bare ONNX file to a served model: `models describe --card`, fill in, `models add`."""

import json
from pathlib import Path
from typing import Any

import onnx
import pytest

from cli.main import main
from models.card import ModelCard
from tests.support.onnx_files import convolution, network, node, value, weights


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Exit status, and what the command printed, on one line."""
    with pytest.raises(SystemExit) as ended:
        main(["models", *arguments])
    captured = capsys.readouterr()
    return int(ended.value.code or 0), " ".join((captured.out + captured.err).split())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a bare network; the data folder is another."""
    monkeypatch.setenv("TESSERA_DATA", str(tmp_path / "data"))
    folder = tmp_path / "network"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(convolution().SerializeToString())
    return folder


def filled(card: dict[str, Any]) -> dict[str, Any]:
    """What a person knows."""
    return card | {
        "name": "mine",
        "title": "Mine",
        "description": "",
        "channels": [{"name": "flair"}],
        "labels": [card["labels"][0] | {"name": "lesion"}],
        "spacing_mm": [1.0, 1.0],
        "intensity": {"kind": "zscore"},
        "licence": "CC-BY-4.0",
    }


@pytest.mark.slow
def test_a_template_that_is_filled_in_is_added(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, printed = run(capsys, "describe", str(folder / "model.onnx"), "--card")
    assert status == 0
    template = json.loads(printed)
    assert template["halo"] == [1, 1]
    (folder / "card.json").write_text(printed)
    status, printed = run(capsys, "add", str(folder))
    assert status != 0
    assert "placeholders: channels.0.name, description, intensity.kind, labels.0.name" in printed
    (folder / "card.json").write_text(json.dumps(filled(template)))
    status, printed = run(capsys, "add", str(folder))
    assert (status, printed[:25]) == (0, "Checked and added: mine 1")
    card = ModelCard.load(tmp_path / "data" / "models" / "mine" / "card.json")
    assert (card.halo, card.exact, card.labels[0].name) == ((1, 1), True, "lesion")


def test_describe_prints_what_is_derived(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, printed = run(capsys, "describe", str(folder / "model.onnx"))
    assert status == 0
    for fact in ("padding same", "halo 1 x 1", "align 1 x 1", "legal sizes 1 x 1", "exact yes"):
        assert fact in printed


def test_describe_names_the_layer_that_is_not_local(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nodes = [
        node("Conv", "image w", "maps", pads=[1] * 4),
        node("InstanceNormalization", "maps one one", "logits"),
    ]
    constants = {"w": weights(2, 1, 3, 3), "one": weights(2)}
    onnx.save(network(nodes, constants), folder / "model.onnx")
    _, printed = run(capsys, "describe", str(folder / "model.onnx"))
    assert 'exact no: InstanceNormalization "the-logits" normalises by statistics' in printed


def test_describe_of_another_output(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nodes = [
        node("Conv", "image w", "logits", pads=[1] * 4),
        node("Conv", "logits v", "deep", pads=[2] * 4),
    ]
    outputs = [value(name, ("n", 2, "r", "c")) for name in ("logits", "deep")]
    constants = {"w": weights(2, 1, 3, 3), "v": weights(2, 2, 5, 5)}
    onnx.save(network(nodes, constants, outputs=outputs), folder / "model.onnx")
    _, printed = run(capsys, "describe", str(folder / "model.onnx"), "--output", "deep")
    assert "halo 3 x 3" in printed
    assert "other outputs logits" in printed


def test_describe_refuses_what_is_no_network(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "model.onnx").write_bytes(b"no network")
    status, printed = run(capsys, "describe", str(folder / "model.onnx"))
    assert status != 0
    assert "not a network in ONNX" in printed
