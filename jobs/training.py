"""A training: a model is fine-tuned with the masks that readers accepted or corrected.

It has the states and events of a job (`jobs.job`): a worker claims it with a lease, and a training
whose worker was lost is queued again. The next attempt continues from the checkpoint if it runs on
the same machine.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from jobs.job import JobState


class TrainingPhase(StrEnum):
    """What a running training does."""

    COLLECTING = "collecting"
    """The accepted and corrected masks are written as a data set."""
    READING = "reading"
    """The cases are brought to the network's grid."""
    TRAINING = "training"
    EVALUATING = "evaluating"
    """The parent and the new network segment the held-out cases."""
    EXPORTING = "exporting"
    """The new network is written as ONNX, and compared with the trained one."""
    VERIFYING = "verifying"
    """The written files are read again."""
    STORING = "storing"
    """The new model is stored."""


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """How a model is trained."""

    steps: int | None = None
    """Number of steps; None: the usual number."""
    version: str = ""
    """Version of the new model. It is chosen when the training is stored."""


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """Progress of a training; before it begins, nothing is known."""

    phase: TrainingPhase | None = None
    step: int = 0
    """Steps, or held-out cases, that are done in this phase,"""
    total: int = 0
    """of so many; 0: not known."""
    loss: float | None = None
    """Mean loss of the last steps."""
    seconds_left: float | None = None
    """Estimated duration until the end of the phase."""
    continued_from: int | None = None
    """Step of the checkpoint from which this attempt continues; 0: from the beginning; None: not
    known yet."""


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """The model that a training made, beside its parent, on the same held-out cases."""

    version: str
    """Of the new model, once it is published."""
    sha256: str
    """Checksum of its network."""
    training_cases: int
    held_out_cases: int
    before: Mapping[str, float]
    """Figures of the parent: `dice` (mean of the labels), `dice_1` (of label 1), ..."""
    after: Mapping[str, float]
    """Figures of the new model."""

    @property
    def is_worse(self) -> bool:
        """Whether the new model has a lower mean Dice than its parent, or either is not known."""
        before, after = self.before.get("dice"), self.after.get("dice")
        return before is None or after is None or after < before


@dataclass(frozen=True, slots=True)
class Training:
    """One training: its request and its state. Times are seconds since the epoch."""

    id: str
    project: str
    model: str
    """The parent: name,"""
    model_version: str
    """version,"""
    model_sha256: str
    """and checksum."""
    created_at: float
    requested_by: str = ""
    """Who started it: the name of the account, or of the caller."""
    options: TrainingOptions = TrainingOptions()
    state: JobState = JobState.QUEUED
    attempt: int = 0
    """Attempts that began since the last retry, the running one included."""
    fence: int = 0
    """Number of claims, which never decreases: it identifies the current holder."""
    worker: str | None = None
    lease_until: float | None = None
    sent_at: float | None = None
    """When it was last queued again with an error: it rests for the time of a lease."""
    started_at: float | None = None
    finished_at: float | None = None
    waiting_for: str | None = None
    """The part of the installation that it waits for: an `errors.Part`."""
    progress: TrainingProgress = TrainingProgress()
    error: Mapping[str, Any] | None = None
    """An RFC 9457 problem: title, detail, expected, hint."""
    result: TrainingResult | None = None
    model_blob: str | None = None
    """Name of the blob with the new model's files; None: there is no new model."""
    publish: bool = False
    """A gateway is to publish the new model."""
    published_at: float | None = None
    publish_error: Mapping[str, Any] | None = None
    """Why the last try to publish it failed."""


def next_version(version: str, taken: Collection[str]) -> str:
    """The version with its last number increased until it is not one of `taken`.

    1 -> 2, 1.4 -> 1.5, v3 -> v4, first -> first.1.
    """
    match = re.fullmatch(r"([A-Za-z0-9._-]*?)([0-9]+)", version)
    begin, number = (match[1], int(match[2])) if match else (f"{version}.", 0)
    if not re.fullmatch(r"([A-Za-z0-9][A-Za-z0-9._-]*)?", begin):
        begin, number = "", 1
    while f"{begin}{number + 1}" in taken:
        number += 1
    return f"{begin}{number + 1}"
