"""Finds, verifies and adds models.

A model is a folder with model.onnx, card.json and the files of the sample and the reference, where
the card names them. A model that is made of others is a folder with a card.json that lists its
parts.
"""

import logging
import shutil
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from imaging.errors import BadModel, Conflict, NotFound
from models.any_card import read_card
from models.card import ModelCard
from models.combination import Combination
from models.installed_model import AnyModel, CombinedModel, Model, network_file
from models.model_folder import case_files, draft_folder, folder_state, remove_folder
from models.registry_entry import (
    Entry,
    by_name_and_age,
    combined_of,
    model_of,
    needed_models,
    no_network,
    of_names,
    with_version,
)

__all__ = ["ZOO", "AnyModel", "CombinedModel", "Model", "Registry", "network_file"]

logger = logging.getLogger("tessera.models")

ZOO = Path(__file__).parent / "zoo"


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

    def all(
        self, names: Collection[str] | None = None, hidden: Collection[str] = ()
    ) -> list[AnyModel]:
        """All models with a valid card and all parts, sorted by name, a model before its later
        versions; other folders are left out and logged. `names`: only models of these names;
        `hidden`: checksums of networks whose models are left out."""
        entries, models = self._entries(), list[AnyModel]()
        for _, entry in sorted(of_names(entries, names, hidden).items(), key=by_name_and_age):
            try:
                models.append(model_of(entry, entries))
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

    def get(
        self, name: str, names: Collection[str] | None = None, hidden: Collection[str] = ()
    ) -> AnyModel:
        """The model with this name; raises NotFound, which lists the available names, and BadModel
        where a part of it is not available. `names`, `hidden`: as in `all`; other models are as if
        they were not there, but may be parts.

        `NAME@VERSION` is a later version of NAME. NAME alone stays the model that was there first,
        which may be given with its version, too.
        """
        entries = self._entries()
        chosen = of_names(entries, names, hidden)
        entry = chosen.get(name) or with_version(name, chosen)
        if entry is not None:
            return model_of(entry, entries)
        available = ", ".join(model.card.full_name for model in self.all(names, hidden)) or "none"
        raise NotFound(
            "There is no model with that name.",
            expected=f"One of: {available}.",
            hint="List the models with `tessera models` or GET /v1/models.",
        )

    def network(self, name: str) -> Model:
        """As `get`, for a model with a network of its own; raises BadModel for another one."""
        model = self.get(name)
        if isinstance(model, CombinedModel):
            raise no_network(name)
        return model

    def combined(self, combination: Combination) -> CombinedModel:
        """The model of these parts; raises BadModel where one is not available or does not fit."""
        return combined_of(combination, self._entries())

    def add(self, source: Path, check: Callable[[Model], None] = lambda _model: None) -> Model:
        """Copies a folder with model.onnx and card.json into `added`, completely or not at all.

        A model that was fine-tuned from one of the same name becomes a further version of it, and
        jobs of that one keep theirs. `check` receives the copy before it becomes visible, and
        rejects it by raising. Raises BadModel if the card or the checksum is not valid, Conflict
        if the name, or the version of the name, is in use.
        """
        card = ModelCard.load(source / "card.json")
        networks = [network.verified for network in Model(card, source).networks]
        cases = [source / name for name in case_files(card, source)]
        target = self._new_folder(card.full_name)
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
        users = [other for other, one in self._entries().items() if name in needed_models(one.card)]
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
        entries = self._entries()
        if target.exists() or name in entries or with_version(name, entries):
            raise Conflict(
                f"A model named {name} already exists.",
                expected="A name that is not in use; for a later version, an unused version.",
                hint="Choose another name or version, or remove that model with `tessera models "
                "remove`.",
            )
        return target

    def versions(self, name: str) -> list[Model]:
        """The model NAME and its later versions, each with a network of its own."""
        models = (model for model in self.all() if isinstance(model, Model))
        return [model for model in models if model.card.name == name]

    def _entries(self) -> dict[str, Entry]:
        """The folders with a valid card, by the model's name; others are logged."""
        entries = {}
        for folder in self._folders():
            try:
                card = read_card(folder / "card.json")
            except BadModel as error:
                self._warn(folder, error)
            else:
                entries[card.full_name] = Entry(folder, card)
        return entries

    def _folders(self) -> Iterable[Path]:
        for root in (self._zoo, self._added):
            if root is not None and root.is_dir():
                yield from sorted(
                    path
                    for path in root.iterdir()
                    if not path.name.startswith(".") and (path / "card.json").is_file()
                )
