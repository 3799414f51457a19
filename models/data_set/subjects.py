"""Which cases belong to the same subject, and which subjects are held out.

A subject is held out if its hash is below a share of all hashes. So the side of a subject follows
from the subject alone: cases that are added later change the side of no other subject, and a larger
share holds out the same subjects and more. Two subjects that turn out to be one are held out if one
of them was.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256

from imaging.errors import BadRequest

_BITS = 64


def subjects_of(keys: Sequence[Iterable[str]]) -> list[frozenset[str]]:
    """For each case, given with the keys of its scans, all keys of its subject.

    Cases with a key in common, directly or by way of others, are of one subject.
    """
    groups: dict[str, set[str]] = {}
    for of_case in keys:
        together: set[str] = set(of_case)
        for key in tuple(together):
            together |= groups.get(key, set())
        for key in together:
            groups[key] = together
    return [frozenset(groups[next(iter(of_case))]) for of_case in keys]


def place(subject: frozenset[str]) -> float:
    """Of the subject in the order of all, from 0 to 1; the same at every export."""
    lowest = min(int.from_bytes(_hash(key)[: _BITS // 8]) for key in subject)
    return float(lowest / 2**_BITS)


def held_out(
    subjects: Sequence[frozenset[str]], share: float, before: Sequence[bool]
) -> list[bool]:
    """For each case, given with its subject, whether it is held out.

    `before`: for each case, whether an earlier export into the same folder held it out.

    Raises BadRequest where one side would be empty.
    """
    kept = {subject for subject, side in zip(subjects, before, strict=True) if side}
    sides = [subject in kept or place(subject) < share for subject in subjects]
    places = sorted({place(subject) for subject in subjects})
    if len(places) < 2:
        raise BadRequest(
            "All masks are of the same subject.",
            expected="Masks of two subjects at least: one to train on, one to measure on.",
            hint="Accept or correct masks of further subjects. If subjects are not told apart, "
            "state how with --subject-pattern.",
        )
    if not any(sides):
        raise BadRequest(
            f"Of {len(places)} subjects, none is held out with a share of {share:g}.",
            expected="At least one subject to measure on, whom the hashes choose.",
            hint=f"Judge masks of more subjects, or state --held-out {_above(places[0]):g}, and "
            "the same or more at later exports.",
        )
    if all(sides):
        raise BadRequest(
            f"Of {len(places)} subjects, all are held out with a share of {share:g}.",
            expected="At least one subject to train on, whom the hashes choose.",
            hint="Judge masks of more subjects, or state a smaller share with --held-out.",
        )
    return sides


def _above(value: float) -> float:
    """The next number of hundredths."""
    return (int(value * 100) + 1) / 100


def _hash(key: str) -> bytes:
    return sha256(f"tessera data set {key}".encode()).digest()
