"""Completes a folder of a bare ONNX file and a card: what can be derived need not be typed.

folder/any.onnx, card.json  ->  draft/model.onnx, card.json with all fields, all other files
"""

import json
import shutil
from collections.abc import Callable, Iterator
from itertools import count, takewhile
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from imaging.errors import BadModel
from imaging.hashes import sha256_of
from models.card import ModelCard
from models.derived_fields import TILING, derived_fields, derived_fields_of_windows
from models.model_folder import case_files
from models.onnx_graph.derive import derive, without_tiling
from models.onnx_graph.facts import GraphFacts
from models.onnx_graph.network_file import NetworkFile, read_network
from models.onnx_graph.servable import check_servable
from models.onnx_graph.stored import stored_form
from models.reference import check_reference
from models.registry import network_file
from models.windows import Windows

LARGEST_CARD_BYTES = 16 << 20


Prove = Callable[[NetworkFile, GraphFacts], GraphFacts]
"""Checks derived facts on the network itself; those that it returns are right."""


def completed(folder: Path, draft: Path, prove: Prove, output: str = "") -> tuple[str, ...]:
    """Writes the complete card.json and all files into `draft`; returns notes for the user.

    `output`: the network's output that is used; empty: the first. Raises BadModel where the network
    cannot be served or the card lacks what cannot be derived.
    """
    fields, source = _read_card(folder), _network_of(folder)
    _check_sha256(fields, source)
    network = read_network(source, output)
    windows = _windows(fields)
    check_servable(network, windows.network_patch if windows else None)
    facts = _facts(network, windows, prove)
    derived = derived_fields_of_windows(facts, windows) if windows else derived_fields(facts)
    _check_complete({**derived, **fields}, facts)
    fields = derived | fields | {"sha256": _stored(network, source, draft / "model.onnx")}
    if members := _members(folder, draft, output, fields.get("members")):
        fields |= {"members": members}
    (draft / "card.json").write_text(json.dumps(fields, indent=2) + "\n")
    card = ModelCard.load(draft / "card.json")
    card.save(draft / "card.json")
    for name in case_files(card, folder):
        shutil.copyfile(folder / name, draft / name)
    if card.reference is not None:
        check_reference(card.reference, draft)
    return _notes(network, None if windows else facts, chosen=bool(output))


def _stored(network: NetworkFile, source: Path, target: Path) -> str:
    """Writes the network as it is served, and returns its SHA-256."""
    stored = stored_form(network)
    if stored is None:
        shutil.copyfile(source, target)
    else:
        target.write_bytes(stored)
    return sha256_of(target)


def _members(folder: Path, draft: Path, output: str, stated: Any) -> list[str]:
    """Writes model_1.onnx, model_2.onnx, ..., if there are any, and returns their SHA-256.

    Raises BadModel where `stated`, the card's list, is another one than that of these files.
    """
    files = (folder / network_file(number) for number in count(1))
    present = list(takewhile(Path.is_file, files))
    if stated is not None and stated != [sha256_of(file) for file in present]:
        raise BadModel(
            f"The folder has {len(present)} further networks, and their SHA-256 differ from the "
            "card's `members`.",
            expected="model_1.onnx, model_2.onnx, ... with the checksums that the card lists.",
            hint="Copy the networks again, or leave `members` out of the card.",
        )
    return [_stored(read_network(file, output), file, draft / file.name) for file in present]


def _windows(fields: dict[str, Any]) -> Windows | None:
    """The card's windows; None also where they are not valid, which the whole card reports."""
    try:
        return Windows.model_validate(fields["windows"]) if fields.get("windows") else None
    except ValidationError:
        return None


def _facts(network: NetworkFile, windows: Windows | None, prove: Prove) -> GraphFacts:
    if windows is None:
        return prove(network, derive(network))
    try:
        return derive(network)
    except BadModel as error:
        return without_tiling(network, error.detail)  # its windows have one size


def _network_of(folder: Path) -> Path:
    """model.onnx, or the folder's only ONNX file."""
    if (folder / "model.onnx").is_file():
        return folder / "model.onnx"
    files = sorted(folder.glob("*.onnx"))
    if len(files) == 1:
        return files[0]
    raise BadModel(
        f"The folder has {len(files)} ONNX files, and none is named model.onnx.",
        expected="A folder with one network in ONNX and its card.json.",
        hint="Name the network model.onnx.",
    )


def _read_card(folder: Path) -> dict[str, Any]:
    try:
        data = (folder / "card.json").read_bytes()
        fields = json.loads(data) if len(data) <= LARGEST_CARD_BYTES else None
    except OSError as error:
        raise BadModel(
            "The folder has no card.json that can be read.",
            expected="A folder with a network in ONNX and card.json.",
            hint="Print a card to fill in with `tessera models describe model.onnx --card`.",
        ) from error
    except (ValueError, RecursionError) as error:
        raise BadModel(
            f"card.json is not valid JSON: {error}.",
            expected="A JSON object with the fields of a card.",
            hint="Correct the file, and add the model again.",
        ) from error
    if not isinstance(fields, dict):
        raise BadModel(
            "card.json is no JSON object.",
            expected="An object with the fields that docs/how-to/own-model.md describes.",
            hint="Print a card to fill in with `tessera models describe model.onnx --card`.",
        )
    left = sorted(set(_placeholders(fields, "")))
    if left:
        raise BadModel(
            f"The card still has placeholders: {', '.join(left)}.",
            expected="A value instead of each `<...>`.",
            hint="Fill them in, or delete the fields that the model does not need.",
        )
    return fields


def _placeholders(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _placeholders(part, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _placeholders(part, f"{path}.{number}")
    elif isinstance(value, str) and value.startswith("<") and value.endswith(">"):
        yield path


def _check_sha256(fields: dict[str, Any], source: Path) -> None:
    stated = fields.get("sha256")
    if stated is not None and stated != (actual := sha256_of(source)):
        raise BadModel(
            f"The network has the SHA-256 {actual[:12]}...",
            expected=f"The SHA-256 in its card: {str(stated)[:12]}...",
            hint="Copy the network again, or leave `sha256` out of the card.",
        )


def _check_complete(fields: dict[str, Any], facts: GraphFacts) -> None:
    missing = [name for name in TILING if name not in fields]
    if facts.tiling is None and missing:
        raise BadModel(
            f"These fields cannot be derived from the network: {', '.join(missing)}. "
            f"{facts.reason}.",
            expected="A card that states them.",
            hint="State the legal sizes that you know of: `minimum` plus multiples of `align`, "
            "with `padding` same and `halo` 0 for a network that keeps the size.",
        )


def _notes(network: NetworkFile, facts: GraphFacts | None, *, chosen: bool) -> tuple[str, ...]:
    others, notes = network.other_outputs, []
    if others and not chosen:
        notes.append(
            f"The network has {len(others) + 1} outputs. The first, '{network.output}', is used. "
            f"Choose another with --output: {', '.join(others)}."
        )
    if facts is not None and not facts.exact:
        notes.append(f"The network is not exact: {facts.reason}.")
    return tuple(notes)
