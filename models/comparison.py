"""A fine-tuned model compared with its parent, on the same held-out cases. Torch-free."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from models.card import ModelCard

MAIN = ("ap", "dice")
"""The figure that decides: the first that both have. `ap` for numbered objects."""
_NOTICED = 0.01
"""A label that loses more than this is worth a warning, even if the mean does not fall."""
_FEW = 5
"""With fewer held-out subjects, figures are uncertain."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Figures of parent and child by name, such as `dice` and `dice_1`."""

    card: ModelCard
    before: dict[str, float]
    after: dict[str, float]

    @property
    def main(self) -> str:
        """The name of the figure that decides."""
        return main_figure(self.before)

    @property
    def is_worse(self) -> bool:
        """Whether the child is worse than its parent."""
        return is_worse(self.before, self.after)

    def rows(self) -> Iterator[tuple[str, float, float]]:
        """(name of the label or figure, parent, child)."""
        labels = {f"dice_{label.value}": label.name for label in self.card.labels}
        for name, value in self.before.items():
            if name in self.after:
                yield labels.get(name, name), value, self.after[name]

    def warnings(self) -> Iterator[str]:
        """What a user should know before the new version is used."""
        parent = self.card.parent
        if parent is not None and parent.held_out_subjects < _FEW:
            yield (
                f"Only {parent.held_out_subjects} subjects are held out: the figures are uncertain."
            )
        for name, before, after in self.rows():
            if before - after > _NOTICED:
                yield f"{name} falls from {before:.3f} to {after:.3f}."


def main_figure(figures: Mapping[str, float]) -> str:
    """The name of the figure that decides."""
    return next(name for name in MAIN if name in figures)


def is_worse(before: Mapping[str, float], after: Mapping[str, float]) -> bool:
    """Whether the figure that decides falls from parent to child."""
    return after[main_figure(before)] < before[main_figure(before)]


def comparison(card: ModelCard) -> Comparison | None:
    """The comparison that a card states; None: it was not fine-tuned."""
    if card.parent is None or not any(name in card.parent.figures for name in MAIN):
        return None
    after = {name: card.figures.get(name, 0.0) for name in card.parent.figures}
    return Comparison(card, dict(card.parent.figures), after)
