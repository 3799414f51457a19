"""Which labels of two masks mean the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

MatchedBy = Literal["name", "number"]


@dataclass(frozen=True, slots=True)
class LabelMatching:
    """How the labels of a second mask correspond to those of a first one."""

    by: MatchedBy
    renumbered: Mapping[int, int]
    """Label of the second mask -> the label of the first that means the same, or a number that the
    first mask does not have."""
    names: Mapping[int, str]
    """Names of all labels, in the numbers of the first mask and of `renumbered`."""


def by_number(first: Mapping[int, str], second: Mapping[int, str]) -> LabelMatching:
    """Labels of the same number mean the same."""
    return LabelMatching("number", {}, {**second, **first})


def matched(first: Mapping[int, str], second: Mapping[int, str]) -> LabelMatching:
    """Labels of the same name mean the same, whatever their numbers are: models number the same
    organs differently. If no name is in both masks, such as for a label map without names, labels
    of the same number do.

    `first`, `second`: number -> name. Upper case, spaces and underscores make no difference.
    """
    known = {_plain(name): number for number, name in reversed(list(first.items()))}
    if first == second or not any(_plain(name) in known for name in second.values()):
        return by_number(first, second)
    renumbered: dict[int, int] = {}
    names = dict(first)
    free = max((*first, *second), default=0) + 1
    for number, name in second.items():
        target = known.pop(_plain(name), None)  # a name that two labels have is one pair
        if target is None:
            target, free = free, free + 1
            names[target] = name
        renumbered[number] = target
    return LabelMatching("name", renumbered, names)


def _plain(name: str) -> str:
    return " ".join(name.casefold().replace("_", " ").replace("-", " ").split())
