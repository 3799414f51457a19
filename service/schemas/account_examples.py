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
_SIGNED_IN = {
    "login": "r1",
    "name": "R1",
    "method": "oidc",
    "projects": [{"name": "local", "role": "reader"}],
}
_SIGN_IN = {
    "id": "7f1c0a9e5d3b4c2a8e6f4d2b0c1a3e5d",
    "method": "password",
    "address": "10.20.0.31",
    "browser": "Firefox on Linux",
    "created_at": "2026-01-06T08:02:00Z",
    "used_at": "2026-01-06T11:42:00Z",
    "expires_at": "2026-01-06T20:02:00Z",
    "is_own": False,
}

ACCOUNT_EXAMPLES: dict[str, Any] = {
    "KeyIn": {"name": "CT bridge", "role": "uploader", "expires_in_s": 7_776_000},
    "KeyOut": _KEY,
    "NewKeyOut": _KEY | {"key": "tsk_3kq9x0ab_", "last_used_at": None},
    "KeyPage": {"keys": [_KEY], "next_cursor": None},
    "UserIn": {"login": "r1", "name": "R1", "role": "reader"},
    "RoleIn": {"role": "operator"},
    "UserOut": _USER,
    "SetupLinkOut": {
        "link": "q0J7c0cP6mVJ1p1yX0w2R3bK8nT5uZ4sA9dE6fG7hIk",
        "expires_at": "2026-01-08T09:00:00Z",
    },
    "SignInIn": {"login": "r1", "password": "four words of mine"},
    "NewPasswordIn": {
        "link": "q0J7c0cP6mVJ1p1yX0w2R3bK8nT5uZ4sA9dE6fG7hIk",
        "password": "four words of mine",
    },
    "PasswordChangeIn": {"current": "four words of mine", "password": "four other words"},
    "SessionOut": {
        "accounts": True,
        "methods": ["password", "oidc"],
        "provider": "the hospital's account",
        "idle_s": 1800.0,
        "person": _SIGNED_IN,
    },
    "SignedInOut": _SIGNED_IN,
    "SignInOut": _SIGN_IN,
    "SignInsOut": {"sessions": [_SIGN_IN]},
    "ProjectRoleOut": {"name": "local", "role": "reader"},
    "UsersOut": {"users": [_USER]},
}
