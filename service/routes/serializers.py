"""Domain objects as the schemas of the wire."""

from dataclasses import asdict
from typing import Any, cast

from imaging.formats.incoming import RefusedScan
from imaging.scan_display import ScanDisplay
from jobs.batch import Batch
from jobs.delivery import Delivery, DeliveryState
from jobs.job import Job, JobState, Progress
from jobs.job_filter import JobCounts
from jobs.retention.hold import Hold
from jobs.second_reading import ReadingState
from jobs.stored_scan import StoredScan
from jobs.usual_sizes import UnusualSize
from jobs.webhook import MessageState, WebhookMessage
from models.any_card import AnyCard
from models.model_fit import ModelFit
from service.http import errors
from service.resources.peers import Peer
from service.resources.webhook_endpoint import WebhookEndpoint
from service.routes.reading_serializers import reading_progress_out
from service.routes.times import time_of, time_or_none
from service.schemas import (
    BatchOut,
    DeliveryOut,
    DoubtOut,
    HoldOut,
    JobCountsOut,
    JobOut,
    LabelOut,
    ModelFitOut,
    ModelOut,
    OptionsIn,
    PeerOut,
    ProgressOut,
    RefusedOut,
    ScanOut,
    UnusualSizeOut,
    UploadedMaskOut,
    WebhookMessageOut,
    WebhookOut,
    WindowOut,
)
from service.use_cases.job_status import JobStatus
from service.use_cases.scan_intake import TakenMask


def scan_out(scan: StoredScan) -> ScanOut:
    """A stored scan."""
    return ScanOut(
        id=scan.id,
        name=scan.name,
        format=scan.format,
        dimension=3 if len(scan.shape) == 4 else 2,
        shape=scan.shape,
        dtype=scan.dtype,
        spacing_mm=scan.spacing_mm,
        affine=scan.affine,
        bytes=scan.bytes,
        sha256=scan.sha256,
        warnings=scan.warnings,
        created_at=time_of(scan.created_at),
        series=scan.series,
        modality=scan.modality,
        **_display_out(scan),
    )


def _display_out(scan: StoredScan) -> dict[str, Any]:
    """How the scan is shown, as members of `ScanOut`."""
    display = scan.display or ScanDisplay()
    windows = [WindowOut(**asdict(window)) for window in display.windows]
    return {
        "window": windows[0] if windows else None,
        "windows": windows,
        "inverted": display.inverted,
        "value_unit": display.value_unit,
        "subject": display.subject or None,
        "series_number": display.series_number,
        "study_date": display.study_date,
        "study": display.study or None,
        "frame_of_reference": display.frame_of_reference or None,
    }


def refused_out(refused: RefusedScan) -> RefusedOut:
    """A series of an upload that cannot become a scan."""
    return RefusedOut(name=refused.name, problem=errors.problem_of(refused.error))


def uploaded_mask_out(taken: TakenMask) -> UploadedMaskOut:
    """What became of a DICOM Segmentation of an upload."""
    mask, error = taken.mask, taken.error
    return UploadedMaskOut(
        labels=[] if mask is None else list(mask.labels),
        job=None if mask is None else mask.job.id,
        scan=None if mask is None else mask.job.grid_scan,
        problem=None if error is None else errors.problem_of(error),
    )


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


def peer_out(peer: Peer) -> PeerOut:
    """A peer, without its address and credentials."""
    web = peer.dicomweb is not None
    return PeerOut(name=peer.name, search=web, send="stow-rs" if web else "c-store")


def delivery_out(delivery: Delivery) -> DeliveryOut:
    """A delivery."""
    waits = delivery.state is DeliveryState.WAITING and delivery.due_at > 0
    return DeliveryOut(
        id=delivery.id,
        job=delivery.job,
        to=delivery.destination,
        format=delivery.format,
        state=delivery.state.value,
        attempts=delivery.attempts,
        created_at=time_of(delivery.created_at),
        due_at=time_of(delivery.due_at) if waits else None,
        finished_at=time_or_none(delivery.finished_at),
        error=errors.stored(delivery.error) if delivery.error else None,
        review=delivery.review or None,
        sent_as=delivery.sent_as,
        commitment=None if delivery.commitment is None else delivery.commitment.value,
    )


def webhook_out(endpoint: WebhookEndpoint) -> WebhookOut:
    """A webhook, without its URL and secrets."""
    return WebhookOut(
        name=endpoint.name, events=list(endpoint.events), models=list(endpoint.models)
    )


def webhook_message_out(message: WebhookMessage) -> WebhookMessageOut:
    """A webhook message, without its body."""
    waits = message.state is MessageState.WAITING
    return WebhookMessageOut(
        id=message.id,
        webhook=message.endpoint,
        event=cast("Any", message.event),
        job=message.job,
        batch=message.batch,
        state=message.state,
        attempts=message.attempts,
        created_at=time_of(message.created_at),
        due_at=time_of(message.due_at) if waits else None,
        finished_at=time_or_none(message.finished_at),
        status=message.status,
        error=errors.stored(message.error) if message.error else None,
    )


def model_out(card: AnyCard) -> ModelOut:
    """A model's card, with the facts that a page shows first at the top level."""
    return ModelOut(
        name=card.full_name,
        version=card.version,
        title=card.title,
        description=card.description,
        dimension=card.dimension,
        channels=[channel.name for channel in card.requested_channels],
        labels=[LabelOut(value=n.value, name=n.name, color=n.color) for n in card.labels],
        instances=card.instances is not None,
        exact=card.exact,
        licence=card.licence,
        intended_use=card.intended_use,
        card=card.model_dump(mode="json"),
    )


def model_fit_out(fit: ModelFit) -> ModelFitOut:
    """How a scan fits a model."""
    return ModelFitOut(
        model=fit.card.full_name,
        channel=fit.channel,
        doubts=[DoubtOut(kind=doubt.kind, text=doubt.text) for doubt in fit.doubts],
        matches=list(fit.matches),
        unknown=list(fit.unknown),
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


def hold_out(hold: Hold) -> HoldOut:
    """A legal hold."""
    return HoldOut(
        id=hold.id,
        kind=hold.kind,
        target=hold.target,
        reason=hold.reason,
        set_by=hold.set_by,
        set_at=time_of(hold.set_at),
        lifted_by=hold.lifted_by,
        lifted_at=time_or_none(hold.lifted_at),
    )
