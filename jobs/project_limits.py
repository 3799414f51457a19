"""What a project may use, and what it uses."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProjectLimits:
    """The limits of a project; None: no limit."""

    stored_bytes: int | None = None
    """Bytes of its scans and masks."""
    waiting_jobs: int | None = None
    """Jobs that wait, in all queues together."""
    requests_per_minute: int | None = None
    """Requests of all its callers together, to one gateway."""


@dataclass(frozen=True, slots=True)
class ProjectUsage:
    """What a project uses."""

    stored_bytes: int
    waiting_jobs: int
