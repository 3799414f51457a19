"""Reader agreement: how often the readers of second readings agree, over a set of jobs."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from imaging.metrics.raters import Estimate, cohen_kappa, proportion
from jobs.job_filter import JobFilter
from jobs.repository import JobReading, Readings
from jobs.second_reading import ReadingState, reader_key


@dataclass(frozen=True, slots=True)
class ReaderAgreement:
    """The agreement of the first two readers of each job."""

    jobs: int
    """Jobs whose readings were all given."""
    not_blind: int
    """Those of them whose readings had been shown before the last one was given."""
    to_adjudicate: int
    """Those that wait for a decision."""
    adjudicated: int
    """Those that another reader has decided."""
    agreement: Estimate | None
    """Share of jobs with the same verdict of both readers."""
    kappa: Estimate | None
    """Cohen's kappa; None if all verdicts are the same."""
    verdicts: Mapping[tuple[str, str], int]
    """(first, second verdict) -> number of jobs."""
    compared_masks: int
    """Jobs of which at least one reader corrected the mask, and neither rejected it."""
    mean_dice: float | None
    """Of the masks of those jobs."""
    min_dice: float | None


def rows(
    readings: Readings, project: str, wanted: JobFilter, readers: Sequence[str] = ()
) -> list[JobReading]:
    """The compared readings of the project's jobs that meet the filter.

    `readers`: only jobs whose first two readings are by these readers. Jobs whose names are hidden
    are then left out.
    """
    keys = {reader_key(name) for name in readers}
    return [
        one
        for one in readings.compared(project, wanted)
        if not keys or (_shows_names(one) and keys <= set(_first_two(one)))
    ]


def agreement_of(compared: Iterable[JobReading], readers: Sequence[str] = ()) -> ReaderAgreement:
    """The agreement over these jobs.

    With two `readers`, the first rating is always that of the first one, as Cohen's kappa assumes.
    Otherwise, it is that of the reader who judged first.
    """
    compared = list(compared)
    pairs = [_verdicts(one, readers) for one in compared]
    dices = [dice for one in compared if (dice := _dice(one)) is not None]
    return ReaderAgreement(
        jobs=len(compared),
        not_blind=sum(not one.reading.blind for one in compared),
        to_adjudicate=sum(one.reading.state is ReadingState.ADJUDICATE for one in compared),
        adjudicated=sum(_is_adjudicated(one) for one in compared),
        agreement=proportion(sum(first == second for first, second in pairs), len(pairs)),
        kappa=cohen_kappa(pairs),
        verdicts=Counter(pairs),
        compared_masks=len(dices),
        mean_dice=fmean(dices) if dices else None,
        min_dice=min(dices, default=None),
    )


def _verdicts(one: JobReading, readers: Sequence[str]) -> tuple[str, str]:
    agreement = one.reading.agreement
    first, second = ("", "") if agreement is None else agreement.verdicts[:2]
    swapped = len(readers) == 2 and _first_two(one)[0] == reader_key(readers[1])
    return (second, first) if swapped else (first, second)


def _dice(one: JobReading) -> float | None:
    """Of the masks of the first two readers, if one of them corrected it."""
    agreement = one.reading.agreement
    if agreement is None or "corrected" not in agreement.verdicts[:2]:
        return None
    return agreement.overlaps[0].dice


def _is_adjudicated(one: JobReading) -> bool:
    agreement = one.reading.agreement
    decided = one.reading.review is not None
    return decided and agreement is not None and one.reading.review not in agreement.reviews


def _shows_names(one: JobReading) -> bool:
    reading = one.reading
    return reading.state is ReadingState.COMPLETE or reading.options.show_names


def _first_two(one: JobReading) -> list[str]:
    agreement = one.reading.agreement
    return [] if agreement is None else [reader_key(name) for name in agreement.readers[:2]]
