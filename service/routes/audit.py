"""The audit trail of the caller's project."""

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from jobs.audit.event import AuditAction, AuditObject, AuditOutcome, ChainedEvent
from jobs.audit.filter import AuditFilter
from service.auth import Permission, Principal
from service.http.dependencies import AuditDep
from service.http.permissions import Allowed
from service.http.router import Router
from service.routes.times import time_of
from service.schemas import AuditEventOut, AuditPage, Cursor, PageLimit, Text

router = Router(tags=["service"])

_Name = Annotated[Text | None, Field(max_length=200)]


class AuditQuery(BaseModel):
    """Which events are wanted; without a filter, all of the project."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    since: AwareDatetime | None = None
    """Only events at this time or later."""
    until: AwareDatetime | None = None
    """Only events before this time."""
    principal: _Name = None
    """Only what this account, key or task did."""
    action: AuditAction | None = None
    """Only events of this kind."""
    outcome: AuditOutcome | None = None
    """Only events with this outcome."""
    object_kind: AuditObject | None = None
    """Only events about such objects."""
    object: _Name = None
    """Only events about the object with this id."""
    cursor: Cursor = None
    limit: PageLimit = 50

    def of(self, project: str) -> AuditFilter:
        """The filter for a project."""
        return AuditFilter(
            since_ms=_milliseconds(self.since),
            until_ms=_milliseconds(self.until),
            project=project,
            principal=self.principal,
            action=self.action,
            outcome=self.outcome,
            object_kind=self.object_kind,
            object_id=self.object,
        )


@router.get("/v1/audit")
def list_audit_events(
    audit: AuditDep,
    query: Annotated[AuditQuery, Query()],
    principal: Annotated[Principal, Allowed(Permission.AUDIT_READ)],
) -> AuditPage:
    """Who did what in the project, newest first; `next_cursor` leads to the next page.

    The list is empty where the gateways record nothing (`TESSERA_AUDIT=off`). Attempts of callers
    that are not known belong to no project: `tessera audit list` shows them.
    """
    wanted = query.of(principal.project)
    page, next_cursor = audit.page(wanted, query.cursor, query.limit)
    return AuditPage(events=[_event_out(one) for one in page], next_cursor=next_cursor)


def _milliseconds(time: datetime | None) -> int | None:
    """Since the epoch."""
    return None if time is None else round(time.timestamp() * 1000)


def _event_out(one: ChainedEvent) -> AuditEventOut:
    event = one.event
    return AuditEventOut(
        time=time_of(event.time_ms / 1000),
        action=event.action,
        outcome=event.outcome,
        principal=event.principal,
        object_kind=event.object_kind,
        object_id=event.object_id,
        origin=event.origin,
        destination=event.destination,
        request=event.request,
    )
