"""Finds, verifies and adds models.

A model is a folder with model.onnx, card.json and, where the card names one, a sample.
"""

import logging
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import mkdtemp

from imaging.errors import BadModel, Conflict, NotFound
from imaging.hashes import sha256_of
from models.card import ModelCard

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

    def all(self) -> list[Model]:
        """All models with a valid card, sorted by name; other folders are left out and logged."""
        models: dict[str, Model] = {}
        for folder in self._folders():
            try:
                card = ModelCard.load(folder / "card.json")
            except BadModel as error:
                self._warn(folder, error)
                continue
            models[card.name] = Model(card, folder)
        return [models[name] for name in sorted(models)]

    def revision(self) -> frozenset[tuple[Path, int, int]]:
        """A value that differs after a model was added, changed or removed; no file is read.

        It holds the path, time of change and size of each card and network; empty where the folders
        cannot be read.
        """
        try:
            files = [file for folder in self._folders() for file in _essential_files(folder)]
            return frozenset(_state(file) for file in files)
        except OSError:  # a folder that is removed meanwhile, or is not readable
            return frozenset()

    def get(self, name: str) -> Model:
        """The model with this name; raises NotFound, which lists the available names."""
        for model in self.all():
            if model.card.name == name:
                return model
        names = ", ".join(model.card.name for model in self.all()) or "none"
        raise NotFound(
            "There is no model with that name.",
            expected=f"One of: {names}.",
            hint="List the models with `tessera models` or GET /v1/models.",
        )

    def add(self, source: Path, check: Callable[[Model], None] = lambda _model: None) -> Model:
        """Copies a folder with model.onnx and card.json into `added`, completely or not at all.

        `check` receives the copy before it becomes visible, and rejects it by raising. Raises
        BadModel if the card or the checksum is not valid, Conflict if the name is in use.
        """
        if self._added is None:
            raise BadModel(
                "This registry has no folder for added models.",
                hint="Set TESSERA_DATA or TESSERA_MODELS.",
            )
        card = ModelCard.load(source / "card.json")
        networks = [network.verified for network in Model(card, source).networks]
        target = self._added / card.name
        if target.exists() or card.name in (model.card.name for model in self.all()):
            raise Conflict(
                f"A model named {card.name} already exists.",
                expected="A name that is not in use.",
                hint="Change the name in the card, or delete the folder of the added model.",
            )
        self._added.mkdir(parents=True, exist_ok=True)
        draft = Path(mkdtemp(prefix=".draft-", dir=self._added))
        try:
            samples = [source / name for name in sample_files(card, source)]
            for file in (source / "card.json", *networks, *samples):
                shutil.copyfile(file, draft / file.name)
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


def _essential_files(folder: Path) -> Iterable[Path]:
    return (folder / "card.json", *folder.glob("*.onnx"))


def _state(file: Path) -> tuple[Path, int, int]:
    status = file.stat()
    return file, status.st_mtime_ns, status.st_size


def sample_files(card: ModelCard, source: Path) -> tuple[str, ...]:
    """Names of the sample's files; raises BadModel where one is missing."""
    files = card.sample.files if card.sample else ()
    for name in files:
        if not (source / name).is_file():
            raise BadModel(
                f"The folder contains no {name}, which is the sample of the card.",
                expected="A folder with model.onnx, card.json and the files of the sample.",
                hint="Add the file, or use another sample in the card.",
            )
    return files
