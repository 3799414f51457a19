"""A delivery: one result of a job that is sent to another system.

           claim (due_at: a lease later)
waiting ------------------+
  ^  ^                    |
  |  +----postpone--------+---> sent      the destination has it
  |   (due_at: later)     |
  +-----request again-----+---> failed    a retry cannot succeed
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class DeliveryState(StrEnum):
    """The state of a delivery."""

    WAITING = "waiting"
    """It waits for its job, for its turn, or for the destination to respond again."""
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One object of one job for one destination. Times are seconds since the epoch."""

    id: str
    job: str
    destination: str
    """The peer's name in the file of peers and rules."""
    format: str
    """Format of the mask or report: `dicom-seg`, `dicom-sr`, `dicom-rtstruct`, ..."""
    created_at: float
    state: DeliveryState = DeliveryState.WAITING
    attempts: int = 0
    """Number of claims since the last request; it identifies the current holder."""
    due_at: float = 0.0
    """Cannot be claimed earlier; the end of the lease while it is being sent."""
    finished_at: float | None = None
    error: Mapping[str, Any] | None = None
    """An RFC 9457 problem: why it failed, or why the last attempt did."""


def due_in(attempts: int, chance: float) -> float:
    """Seconds until the next attempt: 1, 2, 4, ... at most 300, times 0.5 to 1 by `chance`.

    `chance` is a random number from 0 to 1. It spreads the next attempts of deliveries that failed
    at the same time.
    """
    return float(min(300.0, 2.0 ** min(max(attempts, 1) - 1, 9)) * (0.5 + chance / 2))
