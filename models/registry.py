"""Finds, verifies and adds models: a folder each, with model.onnx and card.json."""

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import mkdtemp

from imaging.errors import BadModel, Conflict, NotFound
from imaging.hashes import sha256_of
from models.card import ModelCard

ZOO = Path(__file__).parent / "zoo"


@dataclass(frozen=True)
class Model:
    """A card and the network that it speaks of."""

    card: ModelCard
    folder: Path

    @property
    def network(self) -> Path:
        return self.folder / "model.onnx"

    @cached_property
    def verified(self) -> Path:
        """The network's path, once its checksum was seen to be the card's; raises BadModel."""
        if not self.network.is_file():
            raise BadModel(
                f"Model {self.card.name} has no model.onnx beside its card.",
                hint="Add the model again.",
            )
        found = sha256_of(self.network)
        if found != self.card.sha256:
            raise BadModel(
                f"The network of {self.card.name} has checksum {found[:12]}...",
                expected=f"Its card says {self.card.sha256[:12]}...",
                hint="Add the model again; the file was changed or cut off.",
            )
        return self.network


class Registry:
    """The models that can be served: those shipped, and those added in `added`.

    Folders are read at every call, so a model that was added is seen without a restart.
    """

    def __init__(self, added: Path | None = None, zoo: Path = ZOO) -> None:
        self._zoo = zoo
        self._added = added

    def all(self) -> list[Model]:
        """Every model with a sound card, by name; unsound folders are left out."""
        found: dict[str, Model] = {}
        for folder in self._folders():
            try:
                card = ModelCard.load(folder / "card.json")
            except BadModel:
                continue
            found[card.name] = Model(card, folder)
        return [found[name] for name in sorted(found)]

    def get(self, name: str) -> Model:
        """The model of this name; raises NotFound, naming those that there are."""
        for model in self.all():
            if model.card.name == name:
                return model
        names = ", ".join(model.card.name for model in self.all()) or "none"
        raise NotFound(
            "There is no model of that name.",
            expected=f"One of: {names}.",
            hint="See `tessera models` or GET /v1/models.",
        )

    def add(self, source: Path, check: Callable[[Model], None] = lambda _model: None) -> Model:
        """Copies a folder with model.onnx and card.json in, whole or not at all.

        `check` is given the copy before anyone can see it, and refuses it by raising. Raises
        BadModel where card or checksum are not sound, Conflict where the name is taken.
        """
        if self._added is None:
            raise BadModel("This registry has no folder for added models.")
        card = ModelCard.load(source / "card.json")
        _ = Model(card, source).verified
        target = self._added / card.name
        if target.exists() or card.name in (model.card.name for model in self.all()):
            raise Conflict(
                f"There is a model named {card.name} already.",
                expected="A name that is free.",
                hint="Give the card another name; one that was added goes with its folder.",
            )
        self._added.mkdir(parents=True, exist_ok=True)
        draft = Path(mkdtemp(prefix=".draft-", dir=self._added))
        try:
            for name in ("model.onnx", "card.json"):
                shutil.copyfile(source / name, draft / name)
            check(Model(card, draft))
            draft.chmod(0o755)
            draft.rename(target)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        return Model(card, target)

    def _folders(self) -> Iterable[Path]:
        for root in (self._zoo, self._added):
            if root is not None and root.is_dir():
                yield from sorted(
                    path
                    for path in root.iterdir()
                    if not path.name.startswith(".") and (path / "card.json").is_file()
                )
