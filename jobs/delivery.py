"""What is to be sent to another system, and how far that is.

           claim (due_at: a lease later)
waiting ------------------+
  ^  ^                    |
  |  +----postpone--------+---> sent      it is there
  |   (due_at: later)     |
  +------ask again--------+---> failed    no retry can heal it
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    WAITING = "waiting"
    """For its job, for its turn, or for the destination to come back."""
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One object of one job for one destination. Times are seconds since the epoch."""

    id: str
    job: str
    destination: str
    """A peer's name in the file that `routes` names."""
    format: str
    """As a mask or report is asked for: `dicom-seg`, `dicom-sr`, `dicom-rtstruct`, ..."""
    created_at: float
    state: DeliveryState = DeliveryState.WAITING
    attempts: int = 0
    """Counts every claim since it was asked for last; it tells a later holder from an earlier."""
    due_at: float = 0.0
    """Not to be claimed before; the end of the lease while somebody sends it."""
    finished_at: float | None = None
    error: Mapping[str, Any] | None = None
    """An RFC 9457 problem: why it failed, or what the last attempt met."""


def due_in(attempts: int, chance: float) -> float:
    """Seconds until the next attempt: 1, 2, 4, ... at most 300, times 0.5 to 1 by `chance`.

    `chance` is a random number from 0 to 1: many deliveries that failed together do not come
    back together.
    """
    return float(min(300.0, 2.0 ** min(max(attempts, 1) - 1, 9)) * (0.5 + chance / 2))
