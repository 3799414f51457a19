"""Finds, verifies and adds models.

A model is a folder with model.onnx, card.json and the files of the sample and the reference, where
the card names them. A model that is made of others is a folder with a card.json that lists its
parts.
"""

import logging
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from imaging.errors import BadModel, Conflict, NotFound
from imaging.hashes import sha256_of
from models.any_card import read_card
from models.card import ModelCard
from models.combination import Combination
from models.combined_card import CombinedCard, combined_card
from models.model_folder import case_files, draft_folder, folder_state, remove_folder

logger = logging.getLogger("tessera.models")

ZOO = Path(__file__).parent / "zoo"


def network_file(number: int) -> str:
    """The name of a model's network in its folder: model.onnx, then model_1.onnx, ..."""
    return f"model_{number}.onnx" if number else "model.onnx"


@dataclass(frozen=True)
class Model:
    """A card and the folder that holds it and its network."""

    card: ModelCard
    folder: Path
    number: int = 0
    """Which of the folder's networks this is; see `networks`."""

    @property
    def network(self) -> Path:
        """The path of the network, unverified."""
        return self.folder / network_file(self.number)

    @property
    def networks(self) -> "tuple[Model, ...]":
        """Each network of the model as a model of its own: model.onnx, then the card's members."""
        return tuple(
            Model(self.card.model_copy(update={"sha256": sha256, "members": ()}), self.folder, n)
            for n, sha256 in enumerate((self.card.sha256, *self.card.members))
        )

    @cached_property
    def verified(self) -> Path:
        """The path of the network. Raises BadModel if its checksum differs from the card's."""
        if not self.network.is_file():
            raise BadModel(
                f"The folder of model {self.card.name} contains no {self.network.name}.",
                expected="A folder with card.json and all networks that it states.",
                hint="Add the model again.",
            )
        actual = sha256_of(self.network)
        if actual != self.card.sha256:
            raise BadModel(
                f"The network of {self.card.name} has the SHA-256 {actual[:12]}...",
                expected=f"The SHA-256 in its card: {self.card.sha256[:12]}...",
                hint="The file was changed or truncated. Add the model again.",
            )
        return self.network


@dataclass(frozen=True)
class CombinedModel:
    """A model that is made of others."""

    card: CombinedCard
    parts: tuple[Model, ...]
    """In the order of the card's parts."""


AnyModel = Model | CombinedModel


@dataclass(frozen=True)
class _Entry:
    folder: Path
    card: ModelCard | Combination


class Registry:
    """All available models: those shipped with Tessera, and those in the folder `added`.

    Folders are read at every call, so that an added model is available without a restart.
    """

    def __init__(self, added: Path | None = None, zoo: Path = ZOO) -> None:
        self._zoo = zoo
        self._added = added
        self._warned: set[Path] = set()

    def _warn(self, folder: Path, error: BadModel) -> None:
        """Logs once that a folder is not served, and why."""
        if folder not in self._warned:
            self._warned.add(folder)
            logger.warning("The model in the folder %s is not served: %s", folder.name, error)

    def all(self) -> list[AnyModel]:
        """All models with a valid card and all parts, sorted by name; other folders are left out
        and logged."""
        entries, models = self._entries(), list[AnyModel]()
        for _, entry in sorted(entries.items()):
            try:
                models.append(_model(entry, entries))
            except BadModel as error:
                self._warn(entry.folder, error)
        return models

    def revision(self) -> frozenset[tuple[Path, int, int]]:
        """A value that differs after a model was added, changed or removed; no file is read.

        It holds the path, time of change and size of each card and network; empty where the folders
        cannot be read.
        """
        try:
            return frozenset(file for folder in self._folders() for file in folder_state(folder))
        except OSError:  # a folder that is removed meanwhile, or is not readable
            return frozenset()

    def get(self, name: str) -> AnyModel:
        """The model with this name; raises NotFound, which lists the available names, and BadModel
        where a part of it is not available."""
        entries = self._entries()
        if name in entries:
            return _model(entries[name], entries)
        names = ", ".join(model.card.name for model in self.all()) or "none"
        raise NotFound(
            "There is no model with that name.",
            expected=f"One of: {names}.",
            hint="List the models with `tessera models` or GET /v1/models.",
        )

    def network(self, name: str) -> Model:
        """As `get`, for a model with a network of its own; raises BadModel for another one."""
        model = self.get(name)
        if isinstance(model, CombinedModel):
            raise _no_network(name)
        return model

    def combined(self, combination: Combination) -> CombinedModel:
        """The model of these parts; raises BadModel where one is not available or does not fit."""
        return _combined(combination, self._entries())

    def add(self, source: Path, check: Callable[[Model], None] = lambda _model: None) -> Model:
        """Copies a folder with model.onnx and card.json into `added`, completely or not at all.

        `check` receives the copy before it becomes visible, and rejects it by raising. Raises
        BadModel if the card or the checksum is not valid, Conflict if the name is in use.
        """
        card = ModelCard.load(source / "card.json")
        networks = [network.verified for network in Model(card, source).networks]
        cases = [source / name for name in case_files(card, source)]
        target = self._new_folder(card.name)
        with draft_folder(target) as draft:
            for file in (source / "card.json", *networks, *cases):
                shutil.copyfile(file, draft / file.name)
            check(Model(card, draft))
        return Model(card, target)

    def add_combination(self, combination: Combination) -> CombinedModel:
        """Writes the card of a model that is made of others into `added`.

        Raises BadModel where a part is not available or does not fit, Conflict if the name is in
        use.
        """
        model = self.combined(combination)
        with draft_folder(self._new_folder(combination.name)) as draft:
            combination.save(draft / "card.json")
        return model

    def remove(self, name: str) -> None:
        """Deletes an added model.

        Raises NotFound, and Conflict where the model belongs to Tessera or others need it.
        """
        entry = self._entries().get(name)
        if entry is None:
            self.get(name)  # raises NotFound
            return
        if self._added is None or entry.folder.parent != self._added:
            raise Conflict(
                f"The model {name} belongs to Tessera.",
                expected="A model that was added, imported or combined.",
                hint="Only such models can be removed.",
            )
        users = [other for other, one in self._entries().items() if name in _needed(one.card)]
        if users:
            raise Conflict(
                f"The model {name} is needed by {', '.join(sorted(users))}.",
                expected="A model that no other one needs.",
                hint="Remove those first.",
            )
        remove_folder(entry.folder)

    def check_new(self, name: str) -> None:
        """Raises Conflict if a model has this name."""
        self._new_folder(name)

    def _new_folder(self, name: str) -> Path:
        if self._added is None:
            raise BadModel(
                "This registry has no folder for added models.",
                hint="Set TESSERA_DATA or TESSERA_MODELS.",
            )
        target = self._added / name
        if target.exists() or name in self._entries():
            raise Conflict(
                f"A model named {name} already exists.",
                expected="A name that is not in use.",
                hint="Choose another name, or remove that model with `tessera models remove`.",
            )
        return target

    def _entries(self) -> dict[str, _Entry]:
        """The folders with a valid card, by the model's name; others are logged."""
        entries = {}
        for folder in self._folders():
            try:
                card = read_card(folder / "card.json")
            except BadModel as error:
                self._warn(folder, error)
            else:
                entries[card.name] = _Entry(folder, card)
        return entries

    def _folders(self) -> Iterable[Path]:
        for root in (self._zoo, self._added):
            if root is not None and root.is_dir():
                yield from sorted(
                    path
                    for path in root.iterdir()
                    if not path.name.startswith(".") and (path / "card.json").is_file()
                )


def _needed(card: ModelCard | Combination) -> set[str]:
    """Names of the models that a model runs besides its own network."""
    coarse = {card.within.model} if card.within else set[str]()
    if isinstance(card, Combination):
        return coarse | {part.model for part in card.parts}
    return coarse | {channel.made_by for channel in card.channels if channel.made_by}


def _model(entry: _Entry, entries: Mapping[str, _Entry]) -> AnyModel:
    if isinstance(entry.card, ModelCard):
        return Model(entry.card, entry.folder)
    return _combined(entry.card, entries)


def _combined(combination: Combination, entries: Mapping[str, _Entry]) -> CombinedModel:
    parts = tuple(_part(combination, part.model, entries) for part in combination.parts)
    return CombinedModel(combined_card(combination, [part.card for part in parts]), parts)


def _part(combination: Combination, name: str, entries: Mapping[str, _Entry]) -> Model:
    if name not in entries:
        raise BadModel(
            f"{combination.name} needs the model {name}, which is not available.",
            expected="All parts of a model on every machine that serves or runs it.",
            hint=f"Add {name}.",
        )
    entry = entries[name]
    if not isinstance(entry.card, ModelCard):
        raise _no_network(name)
    return Model(entry.card, entry.folder)


def _no_network(name: str) -> BadModel:
    return BadModel(
        f"{name} is made of other models, and has no network of its own.",
        expected="A model with a network.",
        hint=f"Name the parts of {name}, which `tessera models show {name}` lists.",
    )
