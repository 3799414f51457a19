"""Tasks that take back lost jobs and delete what has expired."""

from functools import partial

from jobs.sweeper import Sweeper
from service.auth import BackgroundTask, Principal
from service.resources.assistant_process import AssistantProcess
from service.resources.audit_key import audit_signer
from service.resources.partial_uploads import PartialUploads
from service.resources.tile_files import TileFiles
from service.use_cases import retention_task
from service.use_cases.received_data import ReceivedData
from service.use_cases.retention import Retention, RetentionParts
from service.use_cases.retention_task import RetentionTask
from service.use_cases.upload_expiry import UploadExpiry
from service.wiring.parts import Parts
from service.wiring.services import Services
from service.wiring.task import Task


def cleaning_tasks(parts: Parts, services: Services) -> list[Task]:
    """The sweeper, the expiry of uploads, and retention; not started."""
    uploads = UploadExpiry(
        services[PartialUploads],
        parts.access.authenticator,
        parts.recorder,
        services[ReceivedData].keeps_upload,
    )
    sweeper = Sweeper(parts.repository, parts.queue, parts.collector, parts.settings)
    return [sweeper, uploads, _retention_task(parts, services)]


def _retention_task(parts: Parts, services: Services) -> RetentionTask:
    def principal_of(project: str) -> Principal:
        return parts.access.authenticator.authenticate(BackgroundTask(retention_task.NAME, project))

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
        parts.access.authenticator,
        parts.settings.retention_interval_s,
    )
