"""Second readings and the agreement of readers as the schemas of the wire."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, cast

from imaging.csv_cells import text_cell
from imaging.metrics.raters import Estimate
from jobs.job_filter import ListedJob
from jobs.repository import JobReading
from jobs.repository.reading_rows import shown_names
from jobs.second_reading import ReadingOptions, ReadingState, SecondReading, reader_key
from service.routes.times import time_of, time_or_none
from service.schemas.jobs import ReadingProgressOut
from service.schemas.second_readings import (
    AgreementOut,
    EstimateOut,
    OverlapOut,
    ReaderAgreementOut,
    SecondReadingIn,
    SecondReadingOut,
    UnblindingOut,
    VerdictPairOut,
)
from service.use_cases.reader_agreement import ReaderAgreement

COLUMNS = (
    *("job", "model", "created_at", "state", "blind", "agree", "verdict"),
    *("reader_1", "verdict_1", "reader_2", "verdict_2", "dice"),
)


def options_of(body: SecondReadingIn) -> ReadingOptions:
    """The options that a request body states."""
    return ReadingOptions(body.readers, body.show_names, body.min_dice)


def second_reading_out(reading: SecondReading, reader: str) -> SecondReadingOut:
    """A second reading, as a reader may see it."""
    named = reader_key(reader) != ""
    return SecondReadingOut(
        job=reading.job,
        state=reading.state,
        readers=reading.options.readers,
        given=reading.given,
        mine=reading.is_by(reader),
        may_adjudicate=named
        and reading.state is not ReadingState.OPEN
        and not reading.is_by(reader),
        show_names=reading.options.show_names,
        min_dice=reading.options.min_dice,
        blind=reading.blind,
        requested_by=reading.requested_by,
        requested_at=time_of(reading.requested_at),
        completed_at=time_or_none(reading.completed_at),
        review=reading.review,
        agreement=_agreement_out(reading, reader),
        unblindings=[
            UnblindingOut(reader=one.reader, at=time_of(one.at)) for one in reading.unblindings
        ],
    )


def reading_progress_out(listed: ListedJob) -> ReadingProgressOut | None:
    """How far the second reading of a job in a list is; None without one."""
    if listed.reading is None:
        return None
    return ReadingProgressOut(
        state=ReadingState(listed.reading),
        given=listed.readings_given or 0,
        readers=listed.readings_wanted or 0,
    )


def reader_agreement_out(agreement: ReaderAgreement) -> ReaderAgreementOut:
    """The agreement of readers over a set of jobs."""
    return ReaderAgreementOut(
        jobs=agreement.jobs,
        not_blind=agreement.not_blind,
        to_adjudicate=agreement.to_adjudicate,
        adjudicated=agreement.adjudicated,
        agreement=_estimate_out(agreement.agreement),
        kappa=_estimate_out(agreement.kappa),
        verdicts=[
            VerdictPairOut(first=cast("Any", first), second=cast("Any", second), jobs=number)
            for (first, second), number in sorted(agreement.verdicts.items())
        ],
        compared_masks=agreement.compared_masks,
        mean_dice=agreement.mean_dice,
        min_dice=agreement.min_dice,
    )


def agreement_table(
    compared: Iterable[JobReading], names_of: Callable[[JobReading], Sequence[str]]
) -> Iterator[Sequence[object]]:
    """The lines of a table: the header, and one for each job, with its first two readings."""
    yield COLUMNS
    for one in compared:
        agreement = one.reading.agreement
        if agreement is None:
            continue
        names = [text_cell(name) for name in names_of(one)]
        yield (
            *(one.reading.job, one.model, time_of(one.created_at).isoformat(), one.reading.state),
            *(one.reading.blind, agreement.agree, one.verdict or ""),
            *(names[0], agreement.verdicts[0], names[1], agreement.verdicts[1]),
            "" if agreement.overlaps[0].dice is None else round(agreement.overlaps[0].dice, 4),
        )


def _agreement_out(reading: SecondReading, reader: str) -> AgreementOut | None:
    agreement = reading.agreement
    if agreement is None:
        return None
    return AgreementOut(
        reviews=list(agreement.reviews),
        readers=list(shown_names(reading, reader)),
        verdicts=cast("Any", list(agreement.verdicts)),
        common_reasons=cast("Any", list(agreement.common_reasons)),
        overlaps=[OverlapOut(**asdict(one)) for one in agreement.overlaps],
        agree=agreement.agree,
    )


def _estimate_out(estimate: Estimate | None) -> EstimateOut | None:
    return None if estimate is None else EstimateOut(**asdict(estimate))
