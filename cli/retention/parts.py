"""What the commands delete with: the database, store and data folder of this machine's settings."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from cli.recorded_change import PRINCIPAL
from jobs.settings import Settings

if TYPE_CHECKING:  # it loads SQLAlchemy
    from service.use_cases.retention import RetentionParts


@contextmanager
def retention_parts() -> Iterator["RetentionParts"]:
    """The gateways' database must exist. What is deleted is recorded in the audit trail."""
    from jobs.blob_collector import BlobCollector
    from jobs.blobs import open_blobs
    from jobs.server_database import server_database
    from service.auth import Principal
    from service.resources.audit_key import audit_signer
    from service.resources.audit_writer import AuditWriter
    from service.resources.partial_uploads import PartialUploads, UploadLimits
    from service.resources.pseudonyms import pseudonym_secret
    from service.resources.received_series import ReceivedSeries
    from service.use_cases.audit_recorder import AuditRecorder
    from service.use_cases.received_data import ReceivedData
    from service.use_cases.retention import RetentionParts

    settings = Settings()
    with ExitStack() as stack:
        rows = stack.enter_context(server_database(settings))
        writer = None
        if settings.audit:
            writer = AuditWriter(rows.audit, audit_signer(settings))
            writer.start()
            stack.callback(writer.stop)
        blobs = open_blobs(settings)
        received = ReceivedData(
            ReceivedSeries(settings.data, partial(pseudonym_secret, settings)),
            PartialUploads(settings.uploads, UploadLimits.of(settings)),
            rows.accounts,
            rows.dicom_senders,
            rows.legal_holds,
        )
        yield RetentionParts(
            repository=rows,
            collector=BlobCollector(rows.references, blobs, settings),
            received=received,
            recorder=AuditRecorder(writer),
            signer=partial(audit_signer, settings),
            principal_of=lambda project: Principal(PRINCIPAL, project),
        )
