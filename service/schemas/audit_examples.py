"""Examples of the audit trail in the description of the API."""

from typing import Any

_EVENT: dict[str, Any] = {
    "time": "2026-03-02T10:15:30Z",
    "action": "view",
    "outcome": "success",
    "principal": "reader 1",
    "object_kind": "scan",
    "object_id": "0d9a2f6c1f4b4c0e8f4f5b7a9d3c2e11",
    "origin": "192.0.2.7",
    "destination": "",
    "request": "9b0c4e6a7f9182735b1d7c3e9a064d2f",
}

AUDIT_EXAMPLES: dict[str, Any] = {
    "AuditEventOut": _EVENT,
    "AuditPage": {"events": [_EVENT], "next_cursor": "1234"},
}
