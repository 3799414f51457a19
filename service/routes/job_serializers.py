"""Jobs and batches as JSON of /v1."""

from typing import Any, cast

from jobs.batch import Batch
from jobs.job import Job, JobState, Progress
from jobs.job_filter import JobCounts
from jobs.second_reading import ReadingState
from jobs.usual_sizes import UnusualSize
from service.http import errors
from service.routes.reading_serializers import reading_progress_out
from service.routes.times import time_of, time_or_none
from service.schemas import BatchOut, JobCountsOut, JobOut, OptionsIn, ProgressOut, UnusualSizeOut
from service.use_cases.job_status import JobStatus


def job_out(status: JobStatus) -> JobOut:
    """A job, with its place in the queue and an estimate until it is final."""
    job = status.job
    return JobOut(
        id=job.id,
        state=job.state,
        model=job.model,
        model_version=job.model_version,
        scans=dict(job.scans),
        scan_name=status.listed.scan_name,
        modality=status.listed.modality,
        subject=status.listed.subject,
        study_date=cast("Any", status.listed.study_date),
        priority=job.priority,
        options=_options(job),
        batch=job.batch,
        attempt=job.attempt,
        progress=_progress(job.progress, job.state),
        waiting_for=job.progress.waiting_for or status.forecast.waiting_for,
        queue=job.queue,
        place_in_queue=status.forecast.place,
        no_worker=status.forecast.no_worker,
        eta=time_or_none(status.forecast.eta),
        created_at=time_of(job.created_at),
        started_at=time_or_none(job.started_at),
        finished_at=time_or_none(job.finished_at),
        error=errors.stored(job.error) if job.error else None,
        verdict=cast("Any", job.verdict),
        reviewer=status.listed.reviewer,
        review=None if status.listed.reading == ReadingState.OPEN else status.listed.review,
        assignee=status.listed.assignee,
        second_reading=reading_progress_out(status.listed),
        warnings=status.listed.warnings,
        doubts=status.listed.doubts,
        unusual_sizes=[unusual_size_out(one) for one in status.listed.unusual_sizes],
        mask_format=job.mask_format,
        uploaded=job.uploaded,
        uploaded_name=job.uploaded_name,
        uploaded_by=job.uploaded_by,
    )


def unusual_size_out(one: UnusualSize) -> UnusualSizeOut:
    """A label of unusual size."""
    return UnusualSizeOut(
        label=one.label,
        name=one.name,
        size=one.size,
        unit=one.unit,
        usual=one.usual,
        ratio=one.ratio,
        masks=one.masks,
    )


def job_counts_out(counts: JobCounts) -> JobCountsOut:
    """How many jobs there are of each kind."""
    return JobCountsOut(
        total=counts.total,
        states=dict(counts.states),
        verdicts=dict(counts.verdicts),
        models=dict(counts.models),
        modalities=dict(counts.modalities),
        reviewers=dict(counts.reviewers),
        assignees=dict(counts.assignees),
        readings=dict(counts.readings),
    )


def batch_out(batch: Batch) -> BatchOut:
    """A batch; `fraction` is the share of its jobs that are final."""
    final = sum(count for state, count in batch.states.items() if JobState(state).final)
    return BatchOut(
        id=batch.id,
        name=batch.name,
        created_at=time_of(batch.created_at),
        jobs=list(batch.jobs),
        states={JobState(state): count for state, count in batch.states.items()},
        fraction=final / max(1, len(batch.jobs)),
    )


def _options(job: Job) -> OptionsIn:
    options = job.options
    return OptionsIn(
        device=options.device,
        precision=cast("Any", options.precision),
        tile=options.tile,
        mask=cast("Any", options.mask),
        margin_mm=options.margin_mm,
    )


def _progress(progress: Progress, state: JobState) -> ProgressOut:
    done = progress.tiles_done / progress.tiles_total if progress.tiles_total else 0.0
    return ProgressOut(
        tiles_done=progress.tiles_done,
        tiles_total=progress.tiles_total,
        fraction=1.0 if state is JobState.SUCCEEDED else done,
        preparing=progress.preparing,
    )
