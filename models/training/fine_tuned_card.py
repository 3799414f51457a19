"""What the card of a fine-tuned model states of its data, and its version."""

from imaging.counted import counted
from models.card import ModelCard
from models.card_facts import CardFacts
from models.data_set.manifest import Manifest


def next_version(version: str) -> str:
    """The number after a version that is a number; else the version with `.1`."""
    return str(int(version) + 1) if version.isdecimal() else f"{version}.1"


def facts_of(parent: ModelCard, facts: CardFacts, manifest: Manifest) -> CardFacts:
    """The facts of the new card: those of the parent, and what the data set adds."""
    training, held_out = manifest.of_side("training"), manifest.of_side("held-out")
    corrected = sum(case.verdict == "corrected" for case in training)
    masks = counted(len(training), "mask")
    subjects = counted(manifest.subjects("training"), "subject")
    others = counted(manifest.subjects("held-out"), "other subject")
    data = (
        f"Fine-tuned from {parent.full_name} (version {parent.version}) on {masks} of {subjects} "
        f"that readers judged: {corrected} corrected, {len(training) - corrected} accepted."
    )
    split = (
        f"Fine-tuning: {counted(len(training), 'case')} for training; "
        f"{counted(len(held_out), 'case')} of {others} for one measurement, and nothing was "
        "chosen on them."
    )
    limits = (
        "Fine-tuned on few scans of one installation: it may be worse than its parent on scans "
        "that are unlike them."
    )
    return facts.model_copy(
        update={
            "data": _joined(parent.data, data),
            "split": _joined(parent.split, split),
            "limits": _joined(parent.limits, "" if limits in parent.limits else limits),
        }
    )


def _joined(before: str, added: str) -> str:
    return f"{before} {added}".strip()
