"""What an importer is: how one kind of source is recognised and converted. Torch-free."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from models.given_case import GivenCase
from models.importers.options import ImportOptions

Report = Callable[[str], None]
"""Receives a sentence for each step, for the user."""


@dataclass(frozen=True, slots=True)
class ImportedModel:
    """What an importer hands over. The network itself is `model.onnx` in the draft folder; further
    networks, such as folds, are `model_1.onnx`, `model_2.onnx`, ..."""

    card: Mapping[str, Any]
    """The fields of card.json, as JSON, without `sha256` and `members`. `name`, `version`, `title`
    and `licence` are what the source states: the user's options of these names replace them."""
    assumptions: tuple[str, ...] = ()
    """What the source does not state and the importer assumed, a sentence each. They are printed
    and kept in the card, in `limits`."""
    case: GivenCase | None = None
    """A case that the source contains, such as test tensors. Its mask is what the source states
    that the network gives. The user's own case replaces it."""


Options = TypeVar("Options", bound=ImportOptions)
Convert = Callable[[Path, Options, Path, Report], ImportedModel]


@dataclass(frozen=True, slots=True)
class Importer(Generic[Options]):
    """One kind of source. Each is in its own file in `models/importers/kinds/`.

    The file imports torch and onnx only inside functions: the command line reads names and options
    of all importers for its help.
    """

    name: str
    """The value of `--kind`: the name of its file, with hyphens instead of underscores."""
    title: str
    """For messages and help texts, such as 'MeshNet (brainchop)'."""
    source: str
    """What SOURCE must be, for the text that refuses an unknown source: 'a folder with ...'."""
    recognises: Callable[[Path], bool]
    """Whether a file or folder is a source of this kind, by its content, without running any of
    it. Never raises for a source of another kind."""
    options: type[Options]
    """The options that it takes. Their names, types and docstrings make the command's options."""
    convert: Convert[Options] = field(repr=False)
    """`convert(source, options, draft, report)` writes draft/model.onnx and returns its card.

    Raises BadModel where the source is damaged or needs something that Tessera does not have, and
    BadRequest where an option is missing or does not fit."""
