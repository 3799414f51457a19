"""A registry's revision differs exactly when a model was added, changed or removed."""

import json
from pathlib import Path
from shutil import rmtree

from models.registry import Registry
from tests.support.convolutions import network


def test_it_differs_after_every_change_and_otherwise_not(tmp_path: Path) -> None:
    added = tmp_path / "models"
    registry = Registry(added)  # the folder does not exist yet
    shipped = registry.revision()
    assert {path.name for path, _, _ in shipped} == {"card.json", "model.onnx"}
    network(added / "first", "first", 4)
    revisions = [shipped, registry.revision()]
    (added / "first" / "notes.txt").write_text("no part of the model")
    (added / ".draft-second").mkdir()
    (added / ".draft-second" / "card.json").write_text("{}")
    assert registry.revision() == revisions[-1]
    card = added / "first" / "card.json"
    card.write_text(json.dumps(json.loads(card.read_text()) | {"title": "Another title"}))
    revisions.append(registry.revision())
    (added / "first" / "model.onnx").write_bytes(b"changed")
    revisions.append(registry.revision())
    assert len(set(revisions)) == 4
    rmtree(added / "first")
    assert registry.revision() == shipped
