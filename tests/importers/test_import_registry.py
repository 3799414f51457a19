"""What every importer states, and how `tessera models import` chooses one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest

from cli.import_model import command
from imaging.errors import BadModel, BadRequest
from imaging.scan import in_memory
from models.given_case import GivenCase
from models.importers import kinds
from models.importers.importer import ImportedModel, Importer, Report
from models.importers.options import ImportOptions, option_name, parse_options
from models.importers.registry import all_importers, importer_for
from models.importers.run import import_model
from models.reference import Reference, check_reference
from models.registry import Model

FILES = {path.stem for path in Path(kinds.__file__).parent.glob("*.py")} - {"__init__"}


def test_every_file_is_an_importer_of_its_name() -> None:
    assert {importer.name.replace("-", "_") for importer in all_importers()} == FILES


@pytest.mark.parametrize("importer", all_importers(), ids=lambda importer: str(importer.name))
def test_options_have_defaults_and_are_options_of_the_command(importer: Importer[Any]) -> None:
    importer.options()  # all have defaults
    offered = {option.name: option for option in command.params}
    for field, info in importer.options.model_fields.items():
        option = offered[field]
        assert isinstance(option, click.Option)
        assert option.opts == [option_name(field)]
        assert option.is_flag == (info.annotation is bool)
        assert (info.description or "").rstrip().endswith("."), field


@pytest.mark.parametrize("importer", all_importers(), ids=lambda importer: str(importer.name))
def test_nothing_is_recognised_in_other_files(importer: Importer[Any], tmp_path: Path) -> None:
    for name, content in (("a.json", b"{}"), ("b.zip", b"PK\5\6"), ("c.pt", b""), ("d", b"\0\xff")):
        (tmp_path / name).write_bytes(content)
        assert not importer.recognises(tmp_path / name)
    (tmp_path / "model.json").write_text(json.dumps([1, {"layers": 3}]))
    assert not importer.recognises(tmp_path)
    assert not importer.recognises(tmp_path / "missing")


def test_an_unknown_source_is_refused_with_the_known_kinds(tmp_path: Path) -> None:
    with pytest.raises(BadRequest) as refusal:
        importer_for(tmp_path)
    for importer in all_importers():
        assert importer.title in str(refusal.value)


def test_an_option_of_another_kind_is_refused_by_name() -> None:
    with pytest.raises(BadRequest, match="--some-thing does not apply to this source: Networks"):
        parse_options(ImportOptions, {"some_thing": "1"}, "Networks")
    with pytest.raises(BadRequest, match="--name is not valid"):
        parse_options(ImportOptions, {"name": "Not A Name"}, "Networks")


@pytest.fixture
def imported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """`imported(card, **options)`: the card that a made-up importer's model gets."""

    def run(
        card: dict[str, Any], *, network: bool = True, case: GivenCase | None = None, **values: Any
    ) -> dict[str, Any]:
        def convert(_s: Path, _o: ImportOptions, draft: Path, report: Report) -> ImportedModel:
            report("Converting ...")
            if network:
                (draft / "model.onnx").write_bytes(b"network")
            return ImportedModel(card, ("air is black.",), case)

        importer = Importer("made-up", "Made-up", "a file", Path.is_file, ImportOptions, convert)
        monkeypatch.setattr("models.importers.registry.all_importers", lambda: (importer,))
        cards: list[dict[str, Any]] = []

        def add(draft: Path) -> Model:
            cards.append(json.loads((draft / "card.json").read_text()))
            if case is not None:
                check_reference(Reference.model_validate(cards[0]["reference"]), draft)
            return None  # type: ignore[return-value]

        source = tmp_path / "source"
        source.write_bytes(b"x")
        messages: list[str] = []
        import_model(source, values, add, messages.append)
        assert messages[0] == "Source: Made-up."
        assert "Assumed: air is black." in messages
        return cards[0]

    return run


def test_the_users_name_and_licence_replace_those_of_the_source(imported: Any) -> None:
    stated = {"name": "one", "title": "One", "licence": "MIT", "limits": "Adults only."}
    card = imported(stated, name="two", version="3")
    assert (card["name"], card["version"]) == ("two", "3")
    assert (card["title"], card["licence"]) == ("One", "MIT")
    assert card["limits"] == "Adults only. Assumed: air is black."
    assert len(card["sha256"]) == 64


def test_a_source_without_licence_says_so(imported: Any) -> None:
    assert "unknown" in imported({"name": "one"})["licence"]


def test_a_case_of_the_source_becomes_the_reference(imported: Any) -> None:
    scan, mask = (in_memory(np.ones((1, 4, 4, 4), kind), (1.0,) * 3) for kind in ("f4", "u1"))
    stated = {"name": "one", "channels": [{"name": "t1"}], "labels": [{"value": 1}]}
    card = imported(stated, case=GivenCase({"t1": scan}, mask))
    assert card["reference"]["scans"] == ["reference.nii.gz"]


def test_an_importer_without_network_is_reported(imported: Any) -> None:
    with pytest.raises(BadModel, match="wrote no network"):
        imported({"name": "one"}, network=False)
