"""The tables of jobs and batches, and conditions on the state of a job."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    false,
    or_,
)

from jobs.job import JobState
from jobs.repository.schema.table_parts import (
    Json,
    in_state,
    lease_columns,
    metadata,
    partial_index,
    serial,
)

batches = Table(
    "batches",
    metadata,
    serial(),
    Column("id", String(64), nullable=False, unique=True),
    Column("project", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("idempotency_key", Text),
    Column("request", String(64), nullable=False),
    UniqueConstraint("project", "idempotency_key", name="batches_once_per_key"),
    sqlite_autoincrement=True,
)

jobs = Table(
    "jobs",
    metadata,
    serial(),
    Column("id", String(64), nullable=False, unique=True),
    Column("project", Text, nullable=False),
    Column("model", String(64), nullable=False),
    Column("model_version", Text, nullable=False),
    Column("model_sha256", String(64), nullable=False),
    Column("options", Json, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("queue", String(16), nullable=False),
    Column("voxels", BigInteger, nullable=False),
    *lease_columns(),
    Column("batch", String(64), ForeignKey("batches.id")),
    Column("tiles_done", Integer, nullable=False),
    Column("tiles_total", Integer, nullable=False),
    Column("preparing", Boolean, nullable=False, server_default=false()),
    Column("mask_sha256", String(64), index=True),
    Column("mask_format", String(16)),
    Column("mask_bytes", BigInteger, nullable=False, server_default="0"),
    Column("preview_sha256", String(64), index=True),
    Column("report", Json),
    Column("verdict", String(16)),
    Column("idempotency_key", Text),
    Column("request", String(64), nullable=False),
    Column("traceparent", String(64)),
    Column("uploaded_name", Text),
    Column("uploaded_by", Text),
    UniqueConstraint("project", "idempotency_key", name="jobs_once_per_key"),
    Index("jobs_list", "project", "seq"),
    Index("jobs_list_by_state", "project", "state", "seq"),
    Index("jobs_list_by_batch", "project", "batch", "seq"),
    Index("jobs_list_by_model", "project", "model", "seq"),
    Index("jobs_measured", "model", "state", "finished_at"),
    sqlite_autoincrement=True,
)

brief = tuple(column for column in jobs.c if column is not jobs.c.report)
"""All columns of a job except its report, which may take megabytes."""

queued = in_state(jobs, JobState.QUEUED)
"""The job waits."""
running = in_state(jobs, JobState.RUNNING)
"""A worker has the job."""
unfinished = or_(queued, running)
"""The job waits or runs."""
unsent = and_(queued, jobs.c.sent_at.is_(None))
"""The job waits and has no message."""

in_order = (jobs.c.priority.desc(), jobs.c.seq)
"""The order of a project's jobs in a queue: the highest priority first, then the oldest job. See
`turns` for the order of several projects."""
partial_index("jobs_waiting", queued, jobs.c.queue, *in_order, jobs.c.model, jobs.c.voxels)
partial_index(
    "jobs_in_turn", queued, jobs.c.queue, jobs.c.priority.desc(), jobs.c.project, jobs.c.seq
)
partial_index("jobs_without_message", unsent, *in_order, jobs.c.queue)
partial_index("jobs_sent", queued, jobs.c.queue, jobs.c.sent_at)
partial_index("jobs_of_batch", jobs.c.batch.is_not(None), jobs.c.batch)
partial_index("jobs_held", running, jobs.c.lease_until)
partial_index(
    "jobs_oldest", queued, *(jobs.c[n] for n in ("project", "model", "queue", "created_at"))
)

job_scans = Table(
    "job_scans",
    metadata,
    Column("job", String(64), ForeignKey("jobs.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("channel", String(64), nullable=False),
    Column("scan", String(64), ForeignKey("scans.id"), nullable=False, index=True),
)
