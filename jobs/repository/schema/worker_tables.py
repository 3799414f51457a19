"""The tables of workers and of the models that they fine-tune."""

from sqlalchemy import Boolean, Column, Double, Index, String, Table, Text, false

from jobs.repository.schema.table_parts import (
    Json,
    lease_columns,
    metadata,
    model_of_project,
    serial,
)

workers = Table(
    "workers",
    metadata,
    Column("name", Text, primary_key=True),
    Column("queues", Json, nullable=False),
    Column("version", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("started_at", Double, nullable=False),
    Column("seen_at", Double, nullable=False),
    Column("waiting_for", String(32)),
    Column("revision", String(32)),
    Column("trains", Boolean, nullable=False, server_default=false()),
)

trainings = Table(
    "trainings",
    metadata,
    serial(),
    Column("id", String(64), nullable=False, unique=True),
    *model_of_project(),
    Column("model_sha256", String(64), nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("options", Json, nullable=False),
    *lease_columns(),
    Column("progress", Json, nullable=False),
    Column("result", Json),
    Column("model_blob", String(64), index=True),
    Column("publish", Boolean, nullable=False, server_default=false()),
    Column("published_at", Double),
    Column("publish_error", Json),
    Column("shared", Boolean, nullable=False, server_default=false()),
    Index("trainings_list", "project", "seq"),
    Index("trainings_of_state", "state", "seq"),
    sqlite_autoincrement=True,
)
"""Models that are fine-tuned with the masks of a project; see `jobs.training`. There are few.

`shared`: the new model is for all projects, not for this one alone."""
