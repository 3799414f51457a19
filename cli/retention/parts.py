"""What the commands delete with: the database, store and data folder of this machine's settings."""

from collections.abc import Iterator
from contextlib import contextmanager
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
    from service.use_cases.audit_recorder import recording
    from service.use_cases.received_data import ReceivedData
    from service.use_cases.retention import RetentionParts

    settings = Settings()
    with server_database(settings) as rows, recording(settings, rows.audit) as recorder:
        yield RetentionParts(
            repository=rows,
            collector=BlobCollector(rows.references, open_blobs(settings), settings),
            received=ReceivedData.of(settings, rows),
            recorder=recorder,
            signer=partial(audit_signer, settings),
            principal_of=lambda project: Principal(PRINCIPAL, project),
        )
