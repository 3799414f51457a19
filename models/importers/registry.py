"""The importers: found in `models/importers/kinds/`, so that adding a file there adds a kind."""

import pkgutil
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from imaging.errors import BadRequest
from models.importers import kinds
from models.importers.importer import Importer


@cache
def all_importers() -> tuple[Importer[Any], ...]:
    """All importers, sorted by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(kinds.__path__))
    return tuple(import_module(f"{kinds.__name__}.{name}").IMPORTER for name in names)


def importer_for(source: Path, kind: str | None = None) -> Importer[Any]:
    """The importer that recognises `source`, or the one named `kind`; raises BadRequest."""
    if kind is not None:
        return next(importer for importer in all_importers() if importer.name == kind)
    matching = [importer for importer in all_importers() if importer.recognises(source)]
    if len(matching) == 1:
        return matching[0]
    if matching:
        titles = ", ".join(importer.title for importer in matching)
        raise BadRequest(
            f"The source could be of {len(matching)} kinds: {titles}.",
            expected="A source of one kind.",
            hint=f"Choose one with --kind: {', '.join(one.name for one in matching)}.",
        )
    sources = "; ".join(f"{one.source} ({one.title})" for one in all_importers())
    raise BadRequest(
        "The source is not recognised.",
        expected=f"One of: {sources}.",
        hint="Give the whole file or folder of one network: no single file or fold of it. For an "
        "ONNX file with a card of its own, use `tessera models add`.",
    )
