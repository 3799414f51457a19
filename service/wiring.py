"""Wiring: builds the objects of a running gateway and starts its background tasks.

Only this module knows all parts. Everything else receives the few that it uses.
"""

import logging
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

from imaging.formats.limits import Limits
from inference.runtime_registry import queue_names
from jobs.blob_collector import BlobCollector
from jobs.blobs import Blobs, open_blobs
from jobs.dispatch import dispatch
from jobs.queue import Queue
from jobs.repository import Forecasts, Repository
from jobs.settings import Settings
from jobs.sweeper import Sweeper
from models.registry import Registry
from service.auth import (
    Authenticator,
    BackgroundTask,
    KnownCallers,
    Principal,
    SignInSessions,
    StoredAccounts,
)
from service.dicom.archive_client import DicomWebArchives
from service.dicom.node import DicomNode, NodeParts
from service.dicom.peer_probe import DicomPeerProbe
from service.http.threads import (
    AssistantThreads,
    DispatchThreads,
    PasswordThreads,
    PeerThreads,
    ProviderThreads,
    UploadThreads,
    ViewThreads,
)
from service.http.uploads import UploadSpace
from service.monai_label import recent_log
from service.monai_label.batch_infer import BatchInference
from service.monai_label.datastore import DatastoreListing
from service.monai_label.infer_response import InferResponses
from service.monai_label.label_store import LabelStore
from service.monai_label.segmentation import Segmentations
from service.monai_label.session_expiry import SessionExpiry
from service.resources.assistant_process import AssistantProcess
from service.resources.audit_key import audit_signer
from service.resources.audit_writer import AuditWriter
from service.resources.dicom_metrics import DicomMetrics
from service.resources.metrics import Metrics
from service.resources.partial_uploads import PartialUploads, UploadLimits
from service.resources.pseudonyms import pseudonym_secret
from service.resources.rate_limits import RateLimits
from service.resources.received_series import ReceivedSeries
from service.resources.routing_table import RoutingTable
from service.resources.scratch import Scratch
from service.resources.service_metrics import ServiceMetrics, Sources
from service.resources.sign_in_limits import SignInLimits
from service.resources.tile_files import TileFiles
from service.resources.usable_models import UsableModels
from service.resources.webhook_metrics import WebhookMetrics
from service.use_cases import retention_task
from service.use_cases.archives import Archives
from service.use_cases.assistance import Assistance
from service.use_cases.audit_recorder import AuditRecorder
from service.use_cases.comparisons import Comparisons
from service.use_cases.corrected_masks import CorrectedMasks
from service.use_cases.corrections import Corrections
from service.use_cases.deliveries import Deliveries
from service.use_cases.draft_edits import DraftEdits
from service.use_cases.image_sessions import ImageSessions
from service.use_cases.job_changes import FORECAST_S, JobChanges
from service.use_cases.job_status import JobStatuses
from service.use_cases.job_watcher import JobWatcher
from service.use_cases.model_fits import ModelFits
from service.use_cases.named_scans import NamedScans
from service.use_cases.openid import OpenId, openid_of
from service.use_cases.orders import Orders
from service.use_cases.password_sign_in import PasswordSignIn
from service.use_cases.peer_health import PeerHealth
from service.use_cases.proxy_sign_ins import ProxySignIns
from service.use_cases.publications import Publications, PublicationThread
from service.use_cases.reader_measurements import ReaderMeasurements
from service.use_cases.readiness import Readiness
from service.use_cases.received_data import ReceivedData
from service.use_cases.result_files import ResultFiles
from service.use_cases.results import Results
from service.use_cases.retention import Retention, RetentionParts
from service.use_cases.retention_task import RetentionTask
from service.use_cases.same_scans import SameScans
from service.use_cases.scan_intake import ScanIntake
from service.use_cases.scan_removal import ScanRemoval
from service.use_cases.scan_views import ScanViews
from service.use_cases.second_readings import SecondReadings
from service.use_cases.storage_room import StorageRoom
from service.use_cases.tiles import Tiles
from service.use_cases.training_orders import TrainingOrders
from service.use_cases.training_status import (
    TrainingChanges,
    TrainingStatuses,
    TrainingWatcher,
)
from service.use_cases.upload_expiry import UploadExpiry
from service.use_cases.uploaded_masks import UploadedMasks
from service.use_cases.uploaded_scans import UploadedScans
from service.webhooks.announcer import WebhookAnnouncer
from service.webhooks.message_sender import MessageSender, SenderParts

logger = logging.getLogger("tessera.service")


@dataclass(frozen=True, slots=True)
class Parts:
    """What services are built from."""

    settings: Settings
    registry: Registry
    models: UsableModels
    routing: RoutingTable
    callers: KnownCallers
    sessions: SignInSessions
    authenticator: Authenticator
    openid: OpenId | None
    repository: Repository
    blobs: Blobs
    queue: Queue
    collector: BlobCollector
    scratch: Scratch
    metrics: Metrics
    limits: Limits
    recorder: AuditRecorder


Services = dict[type, Any]
"""The objects of a running gateway, each by its type; `service.http.dependencies` reads them."""


def open_parts(
    settings: Settings,
    registry: Registry,
    routing: RoutingTable,
    authenticator: Authenticator | None,
    stack: AsyncExitStack,
) -> Parts:
    """Opens database, broker, blob store and scratch folder; `stack` closes them.

    `authenticator`: None for the accounts in the database.
    """
    repository = Repository(settings.database, settings.database_timeout_s)
    stack.callback(repository.close)
    repository.migrate()
    _warn_of_unknown_projects(routing, repository)
    callers = KnownCallers(
        repository.accounts,
        repository.api_keys,
        repository.dicom_senders,
        repository.project_models,
        closed=bool(settings.oidc_issuer),
    )
    stack.callback(callers.stop)
    callers.start()
    sessions = SignInSessions(
        repository.browser_sessions, settings.session_idle_s, settings.session_lifetime_s
    )
    recorder = _recorder(settings, repository, stack)
    openid = openid_of(settings, repository, sessions, recorder)
    tokens = None
    if openid is not None:
        stack.callback(openid.provider.close)
        tokens = openid.tokens
    queue = Queue(settings, queue_names())
    stack.callback(queue.close)
    scratch = Scratch(settings.scratch)
    stack.callback(scratch.close)
    blobs = open_blobs(settings, scratch.folder)
    return Parts(
        settings=settings,
        registry=registry,
        models=UsableModels(registry, callers.limited_models),
        routing=routing,
        callers=callers,
        sessions=sessions,
        authenticator=authenticator or StoredAccounts(callers, sessions, tokens),
        openid=openid,
        repository=repository,
        blobs=blobs,
        queue=queue,
        collector=BlobCollector(repository.references, blobs, settings),
        scratch=scratch,
        metrics=Metrics(),
        limits=Limits(settings.max_voxels, settings.max_pixels, settings.max_unpacked_bytes),
        recorder=recorder,
    )


def _warn_of_unknown_projects(routing: RoutingTable, repository: Repository) -> None:
    if routing.projects:
        known = {project.name for project in repository.accounts.projects()}
        for name in sorted(routing.projects - known):
            logger.warning("The routing table names the project %s, which does not exist.", name)


def _recorder(settings: Settings, repository: Repository, stack: AsyncExitStack) -> AuditRecorder:
    """Started here, before all that it records, and stopped after it."""
    if not settings.audit:
        return AuditRecorder(None)
    writer = AuditWriter(repository.audit, audit_signer(settings))
    writer.start()
    stack.callback(writer.stop)
    return AuditRecorder(writer)


def build_services(parts: Parts) -> Services:
    """Builds every object that a route can ask for."""
    rows = parts.repository
    services: Services = {Blobs: parts.blobs}
    for part in (
        *(parts.models, parts.routing, parts.metrics, parts.limits),
        *(parts.recorder, parts.callers, parts.sessions),
    ):
        services[type(part)] = part
    for table in (
        *(rows.scans, rows.jobs, rows.batches, rows.reviews, rows.labels, rows.image_names),
        *(rows.viewers, rows.webhooks, rows.worklist, rows.readings, rows.drafts),
        *(rows.assignments, rows.batch_reviews, rows.related_scans, rows.trainings),
        *(rows.accounts, rows.api_keys, rows.audit),
        *(rows.retention_rules, rows.retention_reports, rows.legal_holds),
    ):
        services[type(table)] = table
    readiness = Readiness(rows, parts.queue, parts.blobs, parts.scratch)
    sources = Sources(rows.figures.read, readiness.check, parts.scratch.folder, queue_names())
    for tool in (
        AssistantThreads(1),
        DispatchThreads(),
        UploadThreads(),
        ViewThreads(),
        PeerThreads(),
        ProviderThreads(),
        PasswordThreads(),
        PasswordSignIn(
            rows.passwords, rows.sign_in_attempts, parts.sessions, parts.settings.setup_link_s
        ),
        SignInLimits(),
        ProxySignIns(parts.recorder, rows.accounts, parts.callers, parts.settings.session_idle_s),
        UploadSpace(parts.scratch, parts.settings.max_upload_bytes),
        RateLimits(parts.settings.requests_per_minute, rows.quotas.all),
        StorageRoom(rows.quotas),
        readiness,
        ServiceMetrics(sources),
    ):
        services[type(tool)] = tool
    if parts.openid is not None:
        services[OpenId] = parts.openid
    parts.metrics.registry.register(services[ServiceMetrics])
    _add_scans(parts, services)
    _add_jobs(parts, services)
    _add_corrections(parts, services)
    _add_monai_label(parts, services)
    _add_trainings(parts, services)
    return services


async def start_tasks(parts: Parts, services: Services, stack: AsyncExitStack) -> None:
    """Starts what runs beside the requests; `stack` stops it.

    Raises BadRequest if another process has the DICOM port or its inbox.
    """
    rows = parts.repository
    stack.callback(services[Readiness].close)
    for part in (
        Sweeper(rows, parts.queue, parts.collector, parts.settings),
        UploadExpiry(
            services[PartialUploads],
            parts.authenticator,
            parts.recorder,
            services[ReceivedData].keeps_upload,
        ),
        _retention_task(parts, services),
        services[TileFiles],
        services[AssistantProcess],
    ):
        part.start()
        stack.callback(part.stop)
    if parts.openid is not None and parts.openid.page is not None:
        parts.openid.page.sessions.start()
        stack.callback(parts.openid.page.sessions.stop)
    for watcher in (services[JobWatcher], services[TrainingWatcher]):
        watcher.start()
        stack.push_async_callback(watcher.stop)
    stack.callback(services[ServiceMetrics].close)
    expiry = SessionExpiry(services[ImageSessions], parts.authenticator, parts.recorder)
    expiry.start()
    stack.push_async_callback(expiry.stop)
    node = DicomNode(
        NodeParts(
            settings=parts.settings,
            routing=parts.routing,
            intake=services[ScanIntake],
            orders=services[Orders],
            jobs=parts.repository.jobs,
            deliveries=parts.repository.deliveries,
            commitments=parts.repository.commitments,
            reviews=parts.repository.reviews,
            results=services[ResultFiles],
            scratch=parts.scratch,
            authenticator=parts.authenticator,
            room=services[StorageRoom],
            metrics=services[DicomMetrics],
            recorder=parts.recorder,
            received=services[ReceivedData],
        )
    )
    stack.callback(node.stop)
    node.start()
    _start_webhooks(parts, stack)
    publisher = PublicationThread(
        services[Publications],
        parts.authenticator,
        parts.recorder,
        parts.settings.sweep_interval_s,
    )
    publisher.start()
    stack.callback(publisher.stop)
    stack.enter_context(recent_log.recorded())


def _retention_task(parts: Parts, services: Services) -> RetentionTask:
    def principal_of(project: str) -> Principal:
        return parts.authenticator.authenticate(BackgroundTask(retention_task.NAME, project))

    retention = Retention(
        RetentionParts(
            repository=parts.repository,
            collector=parts.collector,
            received=services[ReceivedData],
            recorder=parts.recorder,
            signer=partial(audit_signer, parts.settings),
            principal_of=principal_of,
        )
    )
    return RetentionTask(
        retention,
        parts.repository.references,
        services[TileFiles],
        services[AssistantProcess],
        parts.authenticator,
        parts.settings.retention_interval_s,
    )


def _start_webhooks(parts: Parts, stack: AsyncExitStack) -> None:
    rows, endpoints = parts.repository.webhooks, parts.routing.webhook
    poll_s = parts.settings.sweep_interval_s
    announcer = WebhookAnnouncer(
        rows,
        parts.repository.reading_stages,
        endpoints,
        parts.authenticator,
        poll_s,
        parts.settings.webhook_keep_s,
    )
    shared = SenderParts(rows, parts.authenticator, WebhookMetrics(parts.metrics.registry), poll_s)
    senders = [MessageSender(shared, endpoint) for endpoint in endpoints]
    threads: list[WebhookAnnouncer | MessageSender] = [announcer, *senders]
    for thread in threads:
        thread.start()
        stack.callback(thread.stop)


def _add_scans(parts: Parts, services: Services) -> None:
    rows, scratch, limits = parts.repository, parts.scratch, parts.limits
    masks = UploadedMasks(rows.scans, rows.uploaded_masks, parts.blobs, scratch, limits)
    intake = ScanIntake(
        scans=rows.scans,
        blobs=parts.blobs,
        scratch=scratch,
        limits=limits,
        metrics=parts.metrics,
        same=SameScans(rows.scans, parts.blobs, limits, scratch.folder),
        masks=masks,
        secret=partial(pseudonym_secret, parts.settings),
    )
    services[UploadedMasks] = masks
    tiles = services[TileFiles] = TileFiles(scratch.folder, parts.settings.tile_bytes)
    assistant = services[AssistantProcess] = AssistantProcess(parts.settings.assistant_timeout_s)
    removal = ScanRemoval(rows.scans, parts.collector, tiles, assistant)
    client = DicomWebArchives(scratch, parts.settings.max_upload_bytes)
    archives = Archives(parts.routing, client, intake)
    metrics = DicomMetrics(parts.metrics.registry)
    probe = DicomPeerProbe(parts.settings.dicom_ae_title)
    services[DicomMetrics] = metrics
    services[PeerHealth] = PeerHealth(parts.routing, probe, metrics)
    services[ScanIntake] = intake
    services[PartialUploads] = PartialUploads(
        parts.settings.uploads, UploadLimits.of(parts.settings)
    )
    services[ReceivedData] = ReceivedData(
        ReceivedSeries(parts.settings.data, intake.secret),
        services[PartialUploads],
        rows.accounts,
        rows.dicom_senders,
        rows.legal_holds,
    )
    services[UploadedScans] = UploadedScans(services[PartialUploads], intake, scratch)
    services[ScanRemoval] = removal
    services[Archives] = archives
    services[ScanViews] = ScanViews(parts.blobs, scratch, limits)
    services[Tiles] = Tiles(parts.blobs, scratch, limits, tiles)
    services[ModelFits] = ModelFits(parts.models, parts.blobs, scratch, limits)
    services[NamedScans] = NamedScans(rows.image_names, intake, removal, archives)
    services[ImageSessions] = ImageSessions(
        rows.sessions, rows.image_names, rows.labels, rows.jobs, rows.readings, intake, removal
    )


def _add_jobs(parts: Parts, services: Services) -> None:
    rows, blobs, scratch, limits = parts.repository, parts.blobs, parts.scratch, parts.limits
    dicom = ResultFiles(rows.jobs, rows.scans, parts.registry, blobs, scratch, limits)
    services[ResultFiles] = dicom
    services[Results] = Results(rows.jobs, rows.scans, rows.reviews, blobs, scratch, limits, dicom)
    services[Assistance] = Assistance(
        services[Results], rows.scans, blobs, scratch, limits, services[AssistantProcess]
    )
    services[Comparisons] = Comparisons(rows.jobs, rows.scans, blobs, scratch)
    services[ReaderMeasurements] = ReaderMeasurements(
        rows.jobs, rows.scans, rows.reviews, blobs, scratch, limits
    )
    send = partial(dispatch, rows.messages, parts.queue)
    services[Orders] = Orders(rows.jobs, rows.batches, rows.scans, parts.models, send)
    forecasts = Forecasts(rows.database, shared_s=FORECAST_S)
    statuses = JobStatuses(rows.jobs, forecasts, rows.worklist)
    services[JobStatuses] = statuses
    services[JobWatcher] = JobWatcher(JobChanges(rows.jobs, statuses))
    services[Deliveries] = Deliveries(
        rows.jobs, rows.scans, rows.reviews, rows.deliveries, rows.readings, parts.routing
    )
    services[SecondReadings] = SecondReadings(
        jobs=rows.jobs,
        scans=rows.scans,
        reviews=rows.reviews,
        readings=rows.readings,
        deliveries=services[Deliveries],
        blobs=blobs,
        scratch=scratch,
    )


def _add_corrections(parts: Parts, services: Services) -> None:
    rows, blobs, scratch = parts.repository, parts.blobs, parts.scratch
    masks = CorrectedMasks(services[Deliveries], services[SecondReadings], blobs, scratch)
    services[CorrectedMasks] = masks
    services[DraftEdits] = DraftEdits(services[Results], rows.scans, rows.drafts, scratch)
    services[Corrections] = Corrections(
        jobs=rows.jobs,
        scans=rows.scans,
        reviews=rows.reviews,
        drafts=rows.drafts,
        masks=masks,
        blobs=blobs,
        scratch=scratch,
        limits=parts.limits,
    )


def _add_monai_label(parts: Parts, services: Services) -> None:
    rows, blobs, scratch, limits = parts.repository, parts.blobs, parts.scratch, parts.limits
    orders = services[Orders]
    services[BatchInference] = BatchInference(
        rows.batches, rows.jobs, rows.scans, rows.labels, parts.models, orders
    )
    services[DatastoreListing] = DatastoreListing(
        rows.scans, rows.image_names, rows.jobs, rows.labels
    )
    services[InferResponses] = InferResponses(services[Results], blobs, scratch, limits)
    services[LabelStore] = LabelStore(
        labels=rows.labels,
        reviews=rows.reviews,
        jobs=rows.jobs,
        masks=services[CorrectedMasks],
        registry=parts.registry,
        blobs=blobs,
        collector=parts.collector,
        scratch=scratch,
        limits=limits,
    )
    wait_s = parts.settings.monai_label_wait_s
    services[Segmentations] = Segmentations(
        rows.jobs, orders, services[JobStatuses], services[JobWatcher], wait_s
    )


def _add_trainings(parts: Parts, services: Services) -> None:
    rows = parts.repository
    statuses = TrainingStatuses(rows.trainings, rows.workers)
    services[TrainingStatuses] = statuses
    services[TrainingWatcher] = TrainingWatcher(TrainingChanges(statuses))
    services[TrainingOrders] = TrainingOrders(rows.trainings, rows.judged_jobs, parts.models)
    services[Publications] = Publications(
        trainings=rows.trainings,
        registry=parts.registry,
        blobs=parts.blobs,
        scratch=parts.scratch,
        models_folder=parts.settings.added_models,
        shared=parts.settings.models is not None,
    )
