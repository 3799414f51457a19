"""Removal of old events: a signed statement in the place of a chain's beginning.

    event 1 ... event N   event N+1 ──> event N+2 ──> ...
    └── removed; N, the hash of event N, and until when, are signed

Event N+1 names the hash of event N, so that the rest of the chain is verified from there.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AuditRemoval:
    """The events up to a number were removed by a rule."""

    seq: int
    """Number of the last one,"""
    hash: str
    """and its hash, which the next event names."""
    before_ms: int
    """Events before this time went. In milliseconds since the epoch, as all times of the trail."""
    time_ms: int
    """When they went."""
    key_id: str
    signature: str
