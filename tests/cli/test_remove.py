"""`tessera models remove`"""

from pathlib import Path

import pytest

from models.registry import Registry
from tests.support.command_line import run
from tests.support.convolutions import network


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of added models, with one model, `a`."""
    monkeypatch.setenv("TESSERA_DATA", str(tmp_path))
    folder = tmp_path / "models"
    network(folder / "a", "a", 2)
    return folder


def test_an_added_model_is_gone(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, printed = run(capsys, "models", "remove", "a")
    assert (status, printed) == (0, "Removed: a.")
    assert not list(models.iterdir())


def test_what_cannot_be_removed(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network(models / "b", "b", 3)
    assert run(capsys, "models", "combine", "whole", "--part", "a", "--within", "b")[0] == 0
    for name, reason in (
        ("a", "is needed by whole"),
        ("b", "is needed by whole"),
        ("nuclei-2d", "belongs to Tessera"),
        ("nothing", "There is no model with that name"),
    ):
        status, printed = run(capsys, "models", "remove", name)
        assert status != 0
        assert reason in printed
    assert Registry(models).get("a")
    assert run(capsys, "models", "remove", "whole")[0] == 0
    assert run(capsys, "models", "remove", "a")[0] == 0
