"""The tables of projects, of people and of what may call for them."""

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from jobs.repository.schema.table_parts import Json, metadata, serial

projects = Table(
    "projects",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("created_at", Double, nullable=False),
)
"""See `jobs.account`. `project` in rows of earlier code is such a name, without a foreign key."""

project_limits = Table(
    "project_limits",
    metadata,
    Column("project", Text, primary_key=True),
    Column("stored_bytes", BigInteger),
    Column("waiting_jobs", BigInteger),
    Column("requests_per_minute", Integer),
)
"""What projects may use; NULL: no limit, as for a project without a row. See
`jobs.project_limits`."""

project_models = Table(
    "project_models",
    metadata,
    Column("project", Text, primary_key=True),
    Column("models", Json, nullable=False),
)
"""The names of the models that a project may use; a project without a row may use all."""

people = Table(
    "people",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("login", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("disabled_at", Double),
    UniqueConstraint("login", name="people_once_per_login"),
    UniqueConstraint("name_key", name="people_once_per_name"),
)
"""People are never deleted: that there is one means that the service has accounts. `name_key`: see
`jobs.second_reading.reader_key`."""

memberships = Table(
    "memberships",
    metadata,
    Column("person", String(64), ForeignKey("people.id"), primary_key=True),
    Column("project", String(64), ForeignKey("projects.name"), primary_key=True, index=True),
    Column("role", String(16), nullable=False),
    Column("created_at", Double, nullable=False),
)

identities = Table(
    "identities",
    metadata,
    Column("issuer", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("person", String(64), ForeignKey("people.id"), nullable=False, index=True),
    Column("roles_at", Double, nullable=False),
)
"""People as OpenID providers know them. `roles_at`: when the provider stated their roles."""

api_keys = Table(
    "api_keys",
    metadata,
    serial(),
    Column("id", String(64), nullable=False, unique=True),
    Column("prefix", String(16), nullable=False),
    Column("secret_sha256", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("person", String(64), ForeignKey("people.id")),
    Column("project", String(64), ForeignKey("projects.name"), nullable=False),
    Column("role", String(16), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double),
    Column("revoked_at", Double),
    Column("last_used_at", Double),
    UniqueConstraint("prefix", name="api_keys_once_per_prefix"),
    Index("api_keys_list", "project", "seq"),
    sqlite_autoincrement=True,
)
"""Keys are never deleted, as people are not."""

dicom_senders = Table(
    "dicom_senders",
    metadata,
    Column("ae_title", String(16), primary_key=True),
    Column("project", String(64), ForeignKey("projects.name"), nullable=False),
    Column("role", String(16), nullable=False),
    Column("created_at", Double, nullable=False),
)
