"""Export as JSON lines: all members of events, with what is needed to verify them."""

import json
from typing import Any

from jobs.audit.event import AuditEvent, ChainedEvent


def json_line(one: ChainedEvent) -> str:
    """An event as one JSON object."""
    members: dict[str, Any] = {"seq": one.seq}
    members |= {name: getattr(one.event, name) for name in AuditEvent.__dataclass_fields__}
    return json.dumps(members | {"previous_hash": one.previous_hash, "hash": one.hash})
