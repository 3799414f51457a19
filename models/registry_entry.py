"""The folders of a registry by the names of their models, and what the names stand for."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from imaging.errors import BadModel
from models.card import ModelCard
from models.combination import Combination
from models.combined_card import combined_card
from models.installed_model import AnyModel, CombinedModel, Model


@dataclass(frozen=True)
class Entry:
    """A folder with a valid card."""

    folder: Path
    card: ModelCard | Combination

    @property
    def network(self) -> str | None:
        """Checksum of its network; None for a model that is made of others."""
        return self.card.checksum if isinstance(self.card, ModelCard) else None


Entries = Mapping[str, Entry]
"""By the name that chooses the model."""


def of_names(
    entries: Entries, names: Collection[str] | None, hidden: Collection[str] = ()
) -> Entries:
    """The entries of models with these names, and of their later versions; all for None. Those with
    a network whose checksum is in `hidden` are left out."""
    return {
        key: entry
        for key, entry in entries.items()
        if (names is None or entry.card.name in names) and entry.network not in hidden
    }


def with_version(name: str, entries: Entries) -> Entry | None:
    """The entry NAME for `NAME@VERSION` with its own version."""
    entry = entries.get(name.partition("@")[0])
    exact = entry is not None and name == f"{entry.card.name}@{entry.card.version}"
    return entry if exact else None


def by_name_and_age(item: tuple[str, Entry]) -> tuple[str, int, str]:
    """Versions that are numbers are sorted as numbers."""
    name, _, version = item[0].partition("@")
    return name, int(version) if version.isdecimal() else 0, version


def needed_models(card: ModelCard | Combination) -> set[str]:
    """Names of the models that a model runs besides its own network."""
    coarse = {card.within.model} if card.within else set[str]()
    if isinstance(card, Combination):
        return coarse | {part.model for part in card.parts}
    return coarse | {channel.made_by for channel in card.channels if channel.made_by}


def model_of(entry: Entry, entries: Entries) -> AnyModel:
    """The model of an entry; raises BadModel where a part of it is not available."""
    if isinstance(entry.card, ModelCard):
        return Model(entry.card, entry.folder)
    return combined_of(entry.card, entries)


def combined_of(combination: Combination, entries: Entries) -> CombinedModel:
    """The model of these parts; raises BadModel where one is not available or does not fit."""
    parts = tuple(_part(combination, part.model, entries) for part in combination.parts)
    return CombinedModel(combined_card(combination, [part.card for part in parts]), parts)


def _part(combination: Combination, name: str, entries: Entries) -> Model:
    if name not in entries:
        raise BadModel(
            f"{combination.name} needs the model {name}, which is not available.",
            expected="All parts of a model on every machine that serves or runs it.",
            hint=f"Add {name}.",
        )
    entry = entries[name]
    if not isinstance(entry.card, ModelCard):
        raise no_network(name)
    return Model(entry.card, entry.folder)


def no_network(name: str) -> BadModel:
    """The error for a model that is made of others, where one with a network is needed."""
    return BadModel(
        f"{name} is made of other models, and has no network of its own.",
        expected="A model with a network.",
        hint=f"Name the parts of {name}, which `tessera models show {name}` lists.",
    )
