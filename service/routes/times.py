"""Times of the database as those of the wire."""

from datetime import UTC, datetime


def time_of(seconds: float) -> datetime:
    """Seconds since the epoch as a time in UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def time_or_none(seconds: float | None) -> datetime | None:
    """As `time_of`; None stays None."""
    return None if seconds is None else time_of(seconds)
