"""Second readings: several readers judge one mask, and none sees the others' verdicts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Verdict = Literal["accepted", "corrected", "rejected"]
"""What a reviewer says of a mask."""
ReadingState = Literal["open", "adjudicate", "complete"]
"""Readings are missing; they differ; the job has its verdict."""


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """How a mask is read by several readers."""

    readers: int = 2
    """How many readers judge the mask before it has a verdict."""
    show_names: bool = False
    """Whether the reader who decides sees the names of the others."""
    min_dice: float = 0.7
    """Corrected masks with a smaller Dice differ; 0: they never do."""


@dataclass(frozen=True, slots=True)
class ReadingProgress:
    """How far the second reading of a job is."""

    state: ReadingState
    """Its state."""
    given: int
    """Number of readings that were given."""
    readers: int
    """Number of readings that are wanted."""


@dataclass(frozen=True, slots=True)
class MaskOverlap:
    """How much the masks of two readers overlap."""

    first: int
    """Place of a reader in the list of readings, from 0."""
    second: int
    """Place of the other reader."""
    dice: float | None
    """Dice over all labels; None: there is no mask to compare."""
    labels: dict[str, float]
    """Label value -> Dice."""


@dataclass(frozen=True, slots=True)
class ReadingAgreement:
    """What the readings of a job have in common, in the order of the readings."""

    reviews: tuple[str, ...]
    """Ids of the reviews that were compared."""
    readers: tuple[str, ...]
    """Names of the readers, or `Reader 1` and so on."""
    verdicts: tuple[Verdict, ...]
    """Their verdicts."""
    common_reasons: tuple[str, ...]
    """Reasons of a rejection that all gave."""
    overlaps: tuple[MaskOverlap, ...]
    """For each pair of readers."""
    agree: bool
    """Whether they agree."""


@dataclass(frozen=True, slots=True)
class Unblinding:
    """Somebody has looked at the readings before all were given."""

    reader: str
    """Name of who looked."""
    at: datetime
    """When."""


@dataclass(frozen=True, slots=True)
class SecondReading:
    """The second reading of a job."""

    job: str
    """Id of the job."""
    state: ReadingState
    """Its state."""
    readers: int
    """Number of readings that are wanted."""
    given: int
    """Number of readings that were given."""
    mine: bool
    """Whether the caller has given one of them."""
    may_adjudicate: bool
    """Whether the caller can decide between the readings."""
    show_names: bool
    """Whether names are shown before it is complete."""
    min_dice: float
    """Corrected masks with a smaller Dice differ."""
    blind: bool
    """False: readings had been shown before the last one was given."""
    requested_by: str
    """Name of who requested it."""
    requested_at: datetime
    """When it was requested."""
    completed_at: datetime | None
    """When the job got its verdict."""
    review: str | None
    """Id of the review whose verdict is the job's."""
    agreement: ReadingAgreement | None
    """None while it is open."""
    unblindings: tuple[Unblinding, ...]
    """Who has looked early."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95 % confidence interval."""

    value: float
    """The value."""
    low: float
    """Lower end of the interval."""
    high: float
    """Upper end of the interval."""


@dataclass(frozen=True, slots=True)
class VerdictPair:
    """How many jobs have these verdicts of the first and the second reader."""

    first: Verdict
    """Verdict of the first reader."""
    second: Verdict
    """Verdict of the second reader."""
    jobs: int
    """Number of jobs."""


@dataclass(frozen=True, slots=True)
class ReaderAgreement:
    """The agreement of the first two readers, over jobs whose readings were all given."""

    jobs: int
    """Number of jobs."""
    not_blind: int
    """Jobs whose readings had been shown before the last one was given."""
    to_adjudicate: int
    """Jobs that wait for a decision."""
    adjudicated: int
    """Jobs that another reader has decided."""
    agreement: Estimate | None
    """Share of jobs with equal verdicts; None without jobs."""
    kappa: Estimate | None
    """Cohen's kappa; None without jobs, or if all verdicts are the same."""
    verdicts: tuple[VerdictPair, ...]
    """Number of jobs for each pair of verdicts."""
    compared_masks: int
    """Jobs with a corrected mask."""
    mean_dice: float | None
    """Mean Dice of these masks."""
    min_dice: float | None
    """Smallest Dice of these masks."""
