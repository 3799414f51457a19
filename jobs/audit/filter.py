"""Which events of the audit trail are wanted."""

from dataclasses import dataclass

from jobs.audit.event import AuditAction, AuditObject, AuditOutcome


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """None: any. Times are in milliseconds since the epoch; `until_ms` is excluded."""

    since_ms: int | None = None
    until_ms: int | None = None
    project: str | None = None
    principal: str | None = None
    action: AuditAction | None = None
    outcome: AuditOutcome | None = None
    object_kind: AuditObject | None = None
    object_id: str | None = None
    origin: str | None = None
