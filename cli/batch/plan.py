"""Which scans of a batch are to be segmented now."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cli.batch.entry import Entry
from cli.batch.journal import Journal, Last
from cli.mask_targets import MaskTarget
from imaging.counted import counted
from imaging.errors import BadRequest
from models.any_card import AnyCard

_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Rules:
    """What an earlier result must agree with, and what is done with others."""

    settings: str
    """See `settings_of`."""
    retry_failed: bool
    """Whether scans that have failed are segmented again."""
    replace: bool
    """Whether masks of other settings are replaced."""


@dataclass(frozen=True, slots=True)
class Task:
    """A scan to segment."""

    entry: Entry
    target: MaskTarget
    failures: int = 0
    """How often it has failed before."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The scans to segment, and how many of the others have which state."""

    tasks: Sequence[Task]
    succeeded: int
    failed: int


def settings_of(card: AnyCard, **options: object) -> str:
    """A text that changes with the model, its version, and the options that change a mask."""
    facts = [card.name, card.version, card.checksum, sorted(options.items())]
    return sha256(json.dumps(facts).encode()).hexdigest()[:_DIGITS]


def plan(
    entries: Sequence[Entry],
    targets: Sequence[MaskTarget],
    journal: Journal,
    out: Path,
    rules: Rules,
) -> Plan:
    """What remains to be done.

    A scan is left out if it has a mask and neither its files nor the settings have changed, or if
    it has failed and is not to be tried again. Raises BadRequest if masks of other settings would
    be replaced without `rules.replace`.
    """
    tasks, other = [], 0
    counts = {"succeeded": 0, "failed": 0}
    for entry, target in zip(entries, targets, strict=True):
        last = journal.last(entry.id)
        if last is not None and _stands(last, entry, out, rules):
            counts[last.state] += 1
            continue
        other += last is not None and last.state == "succeeded" and last.settings != rules.settings
        tasks.append(Task(entry, target, last.failures if last else 0))
    if other and not rules.replace:
        masks = counted(other, "mask of these scans that was", "masks of these scans that were")
        raise BadRequest(
            f"The output folder has {masks} made with another model, another version of it or "
            "other options.",
            expected="One output folder for each model and its options.",
            hint="Give another folder with --out, or add --replace to segment these scans again.",
        )
    return Plan(tasks, counts["succeeded"], counts["failed"])


def _stands(last: Last, entry: Entry, out: Path, rules: Rules) -> bool:
    """Whether the result of the last attempt still holds."""
    if last.settings != rules.settings or (last.state == "failed" and rules.retry_failed):
        return False
    try:
        unchanged = last.fingerprint == entry.fingerprint()
    except OSError:
        unchanged = last.fingerprint == ""
    return unchanged and (last.state == "failed" or (out / last.mask).exists())
