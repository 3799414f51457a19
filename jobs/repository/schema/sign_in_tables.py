"""The tables of signing in: browser sessions, passwords and failed attempts."""

from sqlalchemy import Column, Double, ForeignKey, Integer, String, Table, Text

from jobs.repository.schema.table_parts import metadata

browser_sessions = Table(
    "browser_sessions",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("secret_sha256", String(64), nullable=False, unique=True),
    Column("previous_sha256", String(64), unique=True),
    Column("person", String(64), ForeignKey("people.id"), nullable=False, index=True),
    Column("method", String(16), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("used_at", Double, nullable=False),
    Column("renewed_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("address", Text),
    Column("browser", Text),
)
"""Sessions of people who signed in on the page; they are deleted when they end.

`address`, `browser`: where the person signed in; null for sessions of earlier versions."""

provider_sessions = Table(
    "provider_sessions",
    metadata,
    Column(
        "session",
        String(64),
        ForeignKey("browser_sessions.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("refresh_token", Text, nullable=False),
    Column("checked_at", Double, nullable=False, index=True),
)
"""Sessions of which the OpenID provider says now and then whether they still count.

`refresh_token`: encrypted; see `service.resources.oidc.sealed_token`."""

passwords = Table(
    "passwords",
    metadata,
    Column("person", String(64), ForeignKey("people.id"), primary_key=True),
    Column("hash", Text, nullable=False),
    Column("set_at", Double, nullable=False),
)
"""`hash`: argon2id with its parameters and salt, as text."""

setup_links = Table(
    "setup_links",
    metadata,
    Column("person", String(64), ForeignKey("people.id"), primary_key=True),
    Column("secret_sha256", String(64), nullable=False, unique=True),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
)
"""Links with which people set their passwords, one at most for each person."""

known_browsers = Table(
    "known_browsers",
    metadata,
    Column("secret_sha256", String(64), primary_key=True),
    Column("person", String(64), ForeignKey("people.id"), nullable=False),
    Column("used_at", Double, nullable=False),
)
"""Browsers in which a person has signed in: failed attempts elsewhere do not lock them out."""

sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    Column("counter", String(64), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", Double, nullable=False),
)
"""`counter`: hash of a login name, also of one that nobody has, or of a known browser."""
