"""Model cards without networks."""

from pathlib import Path

from models.card import ModelCard
from models.card_parts import Channel, Intensity, Label


def card(name: str, dimension: int, *channels: str, components: int = 1) -> ModelCard:
    return ModelCard(
        name=name,
        version="1.0.0",
        title=name,
        dimension=dimension,
        channels=tuple(Channel(name=c, components=components) for c in channels),
        labels=(Label(value=1, name="thing", color="#ff0000"),),
        outputs=(0, 1),
        intensity=Intensity(kind="zscore"),
        padding="same",
        halo=(8,) * dimension,
        align=(4,) * dimension,
        minimum=(16,) * dimension,
        exact=True,
        licence="Apache-2.0",
        sha256="0" * 64,
    )


CARDS = (
    card("flat", 2, "rgb", components=3),
    card("solid", 3, "t1"),
    card("contrasts", 3, "t1", "t2"),
)


def write_cards(folder: Path) -> Path:
    """A folder of models with a 2D one, a 3D one, and one with two channels, without networks."""
    for one in CARDS:
        (folder / one.name).mkdir(parents=True)
        one.save(folder / one.name / "card.json")
    return folder
