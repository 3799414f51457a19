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


class Commitment(StrEnum):
    """Whether the destination has confirmed that it keeps the object (storage commitment)."""

    DUE = "due"
    """It is to be requested."""
    REQUESTED = "requested"
    """The destination has accepted the request, and has not reported yet."""
    COMMITTED = "committed"
    FAILED = "failed"
    """The destination refused the request, or reports that it does not keep the object."""


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
    review: str = ""
    """The review whose corrected mask is sent; empty: the job's own mask."""
    sent_as: str | None = None
    """Format of the object that the destination accepted; None until it is sent."""
    sop_class: str | None = None
    """SOPClassUID of that object."""
    sop_instance: str | None = None
    """SOPInstanceUID of that object."""
    commitment: Commitment | None = None
    """None: the destination offers no storage commitment, or the object is not sent yet."""
    transaction: str | None = None
    """TransactionUID of the last request for storage commitment."""
    commit_requests: int = 0
    """Number of requests for storage commitment that the destination accepted since the object was
    sent."""
    commit_attempts: int = 0
    """Number of claims since the destination last accepted a request for storage commitment."""
    requested_again_at: float | None = None
    """When it was last requested again after it was sent or failed; None: never."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a destination accepted."""

    format: str
    sop_class: str
    sop_instance: str
    commitment: Commitment | None = None
    """DUE where the destination offers storage commitment."""


@dataclass(frozen=True, slots=True)
class DeliveryCount:
    """How many deliveries to one destination are in one state."""

    destination: str
    state: DeliveryState
    count: int
    oldest_s: float | None = None
    """For `waiting`: how long the oldest delivery has waited, from its last request or the end of
    its job, whichever was later; None: no job of a waiting delivery has finished."""


def due_in(attempts: int, chance: float) -> float:
    """Seconds until the next attempt: 1, 2, 4, ... at most 300, times 0.5 to 1 by `chance`.

    `chance` is a random number from 0 to 1. It spreads the next attempts of deliveries that failed
    at the same time.
    """
    return float(min(300.0, 2.0 ** min(max(attempts, 1) - 1, 9)) * (0.5 + chance / 2))
