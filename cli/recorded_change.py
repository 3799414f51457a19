"""Changes that commands make in a gateway's database: events of the audit trail, as those that
requests make."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.audit.event import AuditAction, AuditEvent, AuditObject, AuditOutcome
from jobs.settings import Settings

if TYPE_CHECKING:  # it loads SQLAlchemy
    from jobs.repository import Repository

PRINCIPAL = "command line"
"""Who may open the database needs no account, and has no name there."""


@dataclass(slots=True)
class Change:
    """A change that is being made."""

    repository: "Repository"
    object_id: str
    """What it changes; may be set before the block ends, as may its"""
    project: str = ""


@contextmanager
def recorded_change(
    kind: AuditObject,
    object_id: str = "",
    project: str = "",
    action: AuditAction = AuditAction.KEY_CHANGE,
) -> Iterator[Change]:
    """The database that TESSERA_DATA or TESSERA_DATABASE_URL names, created if there is none.

    A block that ends without an error is recorded, unless TESSERA_AUDIT is off.
    """
    from jobs.server_database import server_database
    from service.resources.audit_key import audit_signer

    settings = Settings()
    with server_database(settings, create=True) as repository:
        change = Change(repository, object_id, project)
        yield change
        if settings.audit:
            event = AuditEvent(
                time_ms=int(time.time() * 1000),
                action=action,
                principal=PRINCIPAL,
                project=change.project,
                outcome=AuditOutcome.SUCCESS,
                object_kind=kind,
                object_id=change.object_id,
            )
            repository.audit.append([event], audit_signer(settings))
