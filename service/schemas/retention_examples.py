"""Examples of retention in the description of the API."""

from typing import Any

_RULE: dict[str, Any] = {
    "kind": "scans",
    "after": "last-use",
    "keep_s": 31536000.0,
    "set_by": "command line",
    "set_at": "2026-03-02T10:15:30Z",
}
_WANTED_HOLD: dict[str, Any] = {
    "kind": "scan",
    "target": "0d9a2f6c1f4b4c0e8f4f5b7a9d3c2e11",
    "reason": "Case 2026-17, requested by the legal department.",
}
_HOLD: dict[str, Any] = {
    **_WANTED_HOLD,
    "id": "5e1d0c9b8a7f6e5d4c3b2a1f0e9d8c7b",
    "set_by": "key 3k9fq2ma",
    "set_at": "2026-03-02T10:15:30Z",
    "lifted_by": None,
    "lifted_at": None,
}
_TALLY: dict[str, Any] = {
    "kind": "scans",
    "number": 12,
    "bytes": 402653184,
    "oldest": "2024-11-03T08:00:00Z",
    "newest": "2025-02-27T16:42:10Z",
}
_REPORT: dict[str, Any] = {
    "id": "7c6b5a4f3e2d1c0b9a8f7e6d5c4b3a2f",
    "kind": "rules",
    "requested_by": "retention",
    "started_at": "2026-03-02T10:15:30Z",
    "finished_at": "2026-03-02T10:15:42Z",
    "tallies": [_TALLY],
}

RETENTION_EXAMPLES: dict[str, Any] = {
    "RetentionRuleOut": _RULE,
    "RetentionRulesOut": {"rules": [_RULE]},
    "HoldIn": _WANTED_HOLD,
    "HoldOut": _HOLD,
    "HoldsOut": {"holds": [_HOLD]},
    "RetentionTallyOut": _TALLY,
    "RetentionReportOut": _REPORT,
    "RetentionReportPage": {"reports": [_REPORT], "next_cursor": "1234"},
}
