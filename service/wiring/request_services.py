"""Services that all requests share: rows, threads, sign-in, limits and metrics."""

from inference.runtime_registry import queue_names
from jobs.blobs import Blobs
from jobs.repository import Repository
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
from service.resources.rate_limits import RateLimits
from service.resources.service_metrics import ServiceMetrics, Sources
from service.resources.sign_in_limits import SignInLimits
from service.use_cases.password_sign_in import PasswordSignIn
from service.use_cases.proxy_sign_ins import ProxySignIns
from service.use_cases.readiness import Readiness
from service.use_cases.storage_room import StorageRoom
from service.wiring.parts import Parts
from service.wiring.services import Services


def add_requests(parts: Parts, services: Services) -> None:
    """Adds what routes of every subject use."""
    rows, settings, access = parts.repository, parts.settings, parts.access
    services[Blobs] = parts.blobs
    services.add(
        *(parts.models, parts.routing, parts.metrics, parts.limits),
        *(parts.recorder, access.callers, access.sessions),
    )
    _add_rows(rows, services)
    services.add(
        AssistantThreads(1),
        DispatchThreads(),
        UploadThreads(),
        ViewThreads(),
        PeerThreads(),
        ProviderThreads(),
        PasswordThreads(),
        PasswordSignIn(
            rows.passwords, rows.sign_in_attempts, access.sessions, settings.setup_link_s
        ),
        SignInLimits(),
        ProxySignIns(parts.recorder, rows.accounts, access.callers, settings.session_idle_s),
        UploadSpace(parts.scratch, settings.max_upload_bytes),
        RateLimits(settings.requests_per_minute, rows.quotas.all),
        StorageRoom(rows.quotas),
    )
    if access.openid is not None:
        services.add(access.openid)
    _add_metrics(parts, services)


def _add_rows(rows: Repository, services: Services) -> None:
    services.add(
        *(rows.scans, rows.jobs, rows.batches, rows.reviews, rows.labels, rows.image_names),
        *(rows.viewers, rows.webhooks, rows.worklist, rows.readings, rows.drafts),
        *(rows.assignments, rows.batch_reviews, rows.related_scans, rows.trainings),
        *(rows.accounts, rows.api_keys, rows.audit),
        *(rows.retention_rules, rows.retention_reports, rows.legal_holds),
    )


def _add_metrics(parts: Parts, services: Services) -> None:
    rows = parts.repository
    readiness = Readiness(rows, parts.queue, parts.blobs, parts.scratch)
    sources = Sources(rows.figures.read, readiness.check, parts.scratch.folder, queue_names())
    metrics = ServiceMetrics(sources)
    services.add(readiness, metrics)
    parts.metrics.registry.register(metrics)
