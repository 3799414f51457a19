"""Imports a source into a registry: recognise, convert, write the card, verify, add. Torch-free."""

import json
from collections.abc import Callable
from itertools import count, takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from imaging.errors import BadModel
from imaging.hashes import sha256_of
from models.given_case import with_case
from models.importers.importer import ImportedModel, Report
from models.importers.options import ImportOptions, parse_options
from models.importers.registry import importer_for
from models.registry import Model, network_file

_STATED = ("name", "version", "title", "licence")
_NO_LICENCE = "unknown: the source states none"


def import_model(
    source: Path,
    values: dict[str, Any],
    add: Callable[[Path], Model],
    report: Report,
    kind: str | None = None,
) -> Model:
    """Converts `source` into a draft folder of model.onnx and card.json and hands it to `add`.

    `values`: options as given, by field name. `add`: the registry's, with its checks. `kind`: name
    of the importer; None: recognised by content. Raises BadRequest, BadModel and what `add` raises.
    """
    importer = importer_for(source, kind)
    options = parse_options(importer.options, values, importer.title)
    report(f"Source: {importer.title}.")
    with TemporaryDirectory(prefix="tessera-import-") as folder:
        draft = Path(folder)
        imported = importer.convert(source, options, draft, report)
        for assumption in imported.assumptions:
            report(f"Assumed: {assumption}")
        _write_card(draft, imported, options)
        report("Verifying the network ...")
        return add(draft)


def _write_card(draft: Path, imported: ImportedModel, options: ImportOptions) -> None:
    network = draft / "model.onnx"
    if not network.is_file():
        raise BadModel(
            "The importer wrote no network.",
            expected="A model.onnx in the draft folder.",
            hint="This is a defect of the importer: report it.",
        )
    card = {"version": "1", "licence": _NO_LICENCE, **imported.card}
    card |= {field: value for field in _STATED if (value := getattr(options, field)) is not None}
    limits = [card.get("limits", ""), *(f"Assumed: {text}" for text in imported.assumptions)]
    card |= {"limits": " ".join(filter(None, limits)), "sha256": sha256_of(network)}
    further = takewhile(Path.is_file, (draft / network_file(n) for n in count(1)))
    if members := [sha256_of(member) for member in further]:
        card["members"] = members
    if imported.case is not None:
        card = with_case(card, imported.case, draft)
    (draft / "card.json").write_text(json.dumps(card, indent=2) + "\n")
