"""Idempotency keys: a request that is sent twice under one key is stored once."""

import hashlib
import json
from dataclasses import asdict

from sqlalchemy import Connection, Table, select

from imaging.errors import Conflict
from jobs.job import Job
from jobs.repository.rows import Row


def job_digest(job: Job) -> str:
    """Equal for two requests of the same job: ids and the model's version do not count."""
    return digest([list(job.scans.items()), job.model, asdict(job.options), job.priority])


def digest(value: object) -> str:
    """SHA-256 of the value's JSON, in hexadecimal."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def earlier_row(
    connection: Connection, table: Table, project: str, key: str | None, request: str
) -> Row | None:
    """The row that the project stored under this key, None if there is none or no key.

    Raises Conflict if that row was made by a different request (`request` is a digest).
    """
    if key is None:
        return None
    query = select(table).where(table.c.project == project, table.c.idempotency_key == key)
    row = connection.execute(query).mappings().one_or_none()
    if row is not None and row["request"] != request:
        raise Conflict(
            "This Idempotency-Key was already used for a different request.",
            expected="A new key for each request.",
            hint="Send the request under a new key.",
        )
    return row
