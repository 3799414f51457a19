"""Limits of one DIMSE message: how many bytes it has, and how slowly they may come."""

import time
from dataclasses import dataclass, field

from pynetdicom.association import Association
from pynetdicom.events import Event

from service.dicom.refusals import Refusal, Refusals
from service.resources.address_group import address_group

COMMAND_BYTES = 1 << 20
"""Allowed beside the data set."""
SLOWEST_BYTES_PER_S = 1024
STALLED_S = 20.0
GRACE_S = 60.0
"""For how long a message may bring less than `SLOWEST_BYTES_PER_S`."""

_DATA = 0x04
"""PDU type of a P-DATA-TF (PS3.8, 9.3.5)."""


@dataclass(slots=True)
class _Message:
    """A message of which not all has arrived, or that is not answered yet."""

    association: Association
    received: int = 0
    began: float = field(default_factory=time.monotonic)
    latest: float = field(default_factory=time.monotonic)
    """time.monotonic() of its latest PDU."""

    @property
    def is_too_slow(self) -> bool:
        """Whether the bytes fall behind the slowest pace."""
        taken_s = time.monotonic() - self.began
        return taken_s > GRACE_S + self.received / SLOWEST_BYTES_PER_S


class MessageLimits:
    """Aborts the associations whose messages exceed the limits. A message is held in memory."""

    def __init__(self, max_bytes: int, refusals: Refusals) -> None:
        """`max_bytes`: of a data set."""
        self._max_bytes = max_bytes
        self._refusals = refusals
        self._messages: dict[int, _Message] = {}

    def count(self, event: Event) -> None:
        """A PDU has arrived."""
        if event.data[0] != _DATA:
            return
        message = self._messages.setdefault(id(event.assoc), _Message(event.assoc))
        message.received += len(event.data)
        message.latest = time.monotonic()
        if message.received > self._max_bytes + COMMAND_BYTES:
            self._abort(event, Refusal.TOO_LARGE, f"more than {self._max_bytes:,} bytes")
        elif message.is_too_slow:
            problem = f"less than {SLOWEST_BYTES_PER_S:,} bytes in a second"
            self._abort(event, Refusal.TOO_SLOW, problem)

    def stalled(self) -> list[Association]:
        """Associations whose message is not complete, and stopped at least `STALLED_S` ago."""
        before = time.monotonic() - STALLED_S
        messages = tuple(self._messages.values())
        return [one.association for one in messages if one.latest <= before]

    def end(self, association: Association) -> None:
        """A message is complete, or its association has ended."""
        self._messages.pop(id(association), None)

    def _abort(self, event: Event, kind: Refusal, problem: str) -> None:
        self.end(event.assoc)
        requestor = event.assoc.requestor
        address = address_group(requestor.address)
        self._refusals.add(kind, address, requestor.ae_title, f"a message of {problem}")
        event.assoc.abort()
