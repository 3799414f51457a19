"""Examples of the schemas of accounts."""

from typing import Any

_KEY: dict[str, Any] = {
    "id": "5b0c8a1f9d3e4c7a8b6f2e1d0c9b8a7f",
    "prefix": "tsk_3kq9x0ab",
    "name": "CT bridge",
    "user": None,
    "role": "uploader",
    "created_at": "2026-01-05T09:00:00Z",
    "expires_at": "2026-04-05T09:00:00Z",
    "revoked_at": None,
    "last_used_at": "2026-01-06T11:42:00Z",
}
_USER = {"login": "r1", "name": "R1", "role": "reader", "disabled": False}

ACCOUNT_EXAMPLES: dict[str, Any] = {
    "KeyIn": {"name": "CT bridge", "role": "uploader", "expires_in_s": 7_776_000},
    "KeyOut": _KEY,
    "NewKeyOut": _KEY | {"key": "tsk_3kq9x0ab_", "last_used_at": None},
    "KeyPage": {"keys": [_KEY], "next_cursor": None},
    "UserIn": {"login": "r1", "name": "R1", "role": "reader"},
    "RoleIn": {"role": "operator"},
    "UserOut": _USER,
    "UsersOut": {"users": [_USER]},
}
