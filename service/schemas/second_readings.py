"""Second readings, and the agreement of readers."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from jobs.review import Reason
from jobs.second_reading import MIN_DICE, MOST_READERS, ReadingState
from service.schemas.fields import Identifier, Line, Wire

VerdictName = Literal["accepted", "corrected", "rejected"]
_Name = Annotated[Line, Field(max_length=200)]


class SecondReadingIn(Wire):
    """How a mask is read by several readers."""

    readers: Annotated[int, Field(ge=2, le=MOST_READERS)] = 2
    """How many readers judge the mask before it has a verdict."""
    show_names: bool = False
    """Whether the names of the readers are shown to the reader who decides between them. They are
    shown in any case when the second reading is complete."""
    min_dice: Annotated[float, Field(ge=0, le=1)] = MIN_DICE
    """Readers who both corrected the mask disagree if their masks have a smaller Dice; 0: they
    never do."""


class SecondReadingRequest(SecondReadingIn):
    """How one job is read, and who requests it."""

    reader: _Name = ""
    """Name of who requests it. A service with accounts stores the account instead."""


class SecondReadingsIn(SecondReadingRequest):
    """Which of the jobs that the query selects are put up for a second reading."""

    jobs: Annotated[list[Identifier] | None, Field(max_length=10_000)] = None
    """Ids of jobs, instead of those that the query selects. A job that has a second reading stays
    as it is."""
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the selected jobs, chosen at random; at least one."""
    seed: int = 0
    """The same jobs, share and seed choose the same jobs."""


class SecondReadingsOut(Wire):
    """What was put up for a second reading."""

    jobs: list[str]
    """Ids of the jobs that were put up."""
    selected: int
    """Number of jobs that the request selected: those of `jobs`, or those without a second reading
    that the query selects."""


class OverlapOut(Wire):
    """How much the masks of two readers overlap. A reader who accepted has the model's mask."""

    first: int
    """Place of a reader in the list of readings, from 0."""
    second: int
    dice: float | None
    """Dice over all labels; null if one of them rejected the mask, or a mask cannot be read."""
    labels: dict[str, float]
    """Label value -> Dice, for labels in at least one of the masks."""


class AgreementOut(Wire):
    """What the readings of a job have in common. Lists are in the order of the readings."""

    reviews: list[str]
    """Ids of the reviews that were compared."""
    readers: list[str]
    """Names; `Reader 1` and so on while they are hidden."""
    verdicts: list[VerdictName]
    common_reasons: list[Reason]
    """Reasons of a rejection that all readers gave."""
    overlaps: list[OverlapOut]
    """For each pair of readers."""
    agree: bool
    """Whether the verdicts are equal, and corrected masks overlap enough."""


class UnblindingOut(Wire):
    """Somebody has looked at the readings with POST .../second-reading/unblind."""

    reader: str
    at: datetime


class SecondReadingOut(Wire):
    """The second reading of a job."""

    job: str
    state: ReadingState
    """`open`: readings are missing, and each reader sees only their own. `adjudicate`: the readings
    differ, and another reader must decide. `complete`: the job has its verdict."""
    readers: int
    """Number of readings that are wanted."""
    given: int
    """Number of readings that were given."""
    mine: bool
    """Whether the caller has given one of them."""
    may_adjudicate: bool
    """Whether the caller can decide between the readings."""
    show_names: bool
    min_dice: float
    blind: bool
    """False: readings had been shown before the last one was given."""
    requested_by: str
    requested_at: datetime
    completed_at: datetime | None
    review: str | None
    """Id of the review whose verdict is the job's; null while it has none."""
    agreement: AgreementOut | None
    """Null while it is open."""
    unblindings: list[UnblindingOut]


class EstimateOut(Wire):
    """A value with its 95 % confidence interval."""

    value: float
    low: float
    high: float


class VerdictPairOut(Wire):
    """How many jobs have these verdicts of the first and the second reader."""

    first: VerdictName
    second: VerdictName
    jobs: int


class ReaderAgreementOut(Wire):
    """The agreement of the first two readers, over jobs whose readings were all given."""

    jobs: int
    not_blind: int
    """Jobs whose readings had been shown before the last one was given; they are counted, too."""
    to_adjudicate: int
    adjudicated: int
    agreement: EstimateOut | None
    """Share of jobs with equal verdicts, with the interval of Wilson (1927); null without jobs."""
    kappa: EstimateOut | None
    """Cohen's kappa (1960), with the interval of Fleiss, Cohen and Everitt (1969); null without
    jobs, or if all verdicts are the same."""
    verdicts: list[VerdictPairOut]
    compared_masks: int
    """Jobs of which at least one of the two corrected the mask, and neither rejected it."""
    mean_dice: float | None
    """Mean Dice of these masks."""
    min_dice: float | None
