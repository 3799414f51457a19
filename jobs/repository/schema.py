"""The tables, as the newest migration leaves them."""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Computed,
    Double,
    ForeignKey,
    FromClause,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    false,
    literal,
    or_,
)

from jobs.delivery import Commitment, DeliveryState
from jobs.job import JobState
from jobs.second_reading import ReadingState
from jobs.webhook import MessageState

metadata = MetaData()

_Serial = BigInteger().with_variant(Integer, "sqlite")
_Json = JSON(none_as_null=True)


def _serial() -> "Column[int]":
    """The order of insertion, which lists, cursors and the queue use."""
    return Column("seq", _Serial, primary_key=True, autoincrement=True)


def _lease_columns() -> "list[Column[Any]]":
    """The columns of work that workers claim and keep by a lease; see `steps`."""
    return [
        Column("state", String(16), nullable=False),
        Column("attempt", Integer, nullable=False),
        Column("fence", Integer, nullable=False),
        Column("created_at", Double, nullable=False),
        Column("worker", Text),
        Column("lease_until", Double),
        Column("sent_at", Double),
        Column("started_at", Double),
        Column("finished_at", Double),
        Column("error", _Json),
        Column("counted", Boolean, nullable=False, server_default=false()),
        Column("waiting_for", String(32)),
    ]


scans = Table(
    "scans",
    metadata,
    _serial(),
    Column("id", String(64), nullable=False, unique=True),
    Column("project", Text, nullable=False),
    Column("sha256", String(64), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("format", String(32), nullable=False),
    Column("shape", _Json, nullable=False),
    Column("dtype", String(32), nullable=False),
    Column("spacing_mm", _Json),
    Column("affine", _Json, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("warnings", _Json, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("series", String(64)),
    Column("info", _Json),
    Column("images", String(64)),
    Column("impossible_formats", _Json, nullable=False, server_default="[]"),
    Column("traceparent", String(64)),
    Column("modality", String(16)),
    Column("display", _Json),
    UniqueConstraint("project", "sha256", name="scans_once_per_project"),
    Index("scans_list", "project", "seq"),
    Index("scans_of_series", "project", "series"),
    sqlite_autoincrement=True,
)

batches = Table(
    "batches",
    metadata,
    _serial(),
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
    _serial(),
    Column("id", String(64), nullable=False, unique=True),
    Column("project", Text, nullable=False),
    Column("model", String(64), nullable=False),
    Column("model_version", Text, nullable=False),
    Column("model_sha256", String(64), nullable=False),
    Column("options", _Json, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("queue", String(16), nullable=False),
    Column("voxels", BigInteger, nullable=False),
    *_lease_columns(),
    Column("batch", String(64), ForeignKey("batches.id")),
    Column("tiles_done", Integer, nullable=False),
    Column("tiles_total", Integer, nullable=False),
    Column("preparing", Boolean, nullable=False, server_default=false()),
    Column("mask_sha256", String(64), index=True),
    Column("mask_format", String(16)),
    Column("mask_bytes", BigInteger, nullable=False, server_default="0"),
    Column("preview_sha256", String(64), index=True),
    Column("report", _Json),
    Column("verdict", String(16)),
    Column("idempotency_key", Text),
    Column("request", String(64), nullable=False),
    Column("traceparent", String(64)),
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


def in_state(table: FromClause, state: JobState) -> "ColumnElement[bool]":
    """The value is part of the statement, not a parameter: only then do the databases recognise
    the condition of a partial index."""
    return table.c.state == literal(state.value, literal_execute=True)


queued = in_state(jobs, JobState.QUEUED)
"""The job waits."""
running = in_state(jobs, JobState.RUNNING)
"""A worker has the job."""
unfinished = or_(queued, running)
"""The job waits or runs."""
unsent = and_(queued, jobs.c.sent_at.is_(None))
"""The job waits and has no message."""


def _partial_index(name: str, where: "ColumnElement[bool]", *columns: Any) -> None:
    Index(name, *columns, sqlite_where=where, postgresql_where=where)


in_order = (jobs.c.priority.desc(), jobs.c.seq)
"""The order of a project's jobs in a queue: the highest priority first, then the oldest job. See
`turns` for the order of several projects."""

_partial_index("jobs_waiting", queued, jobs.c.queue, *in_order, jobs.c.model, jobs.c.voxels)
_partial_index(
    "jobs_in_turn", queued, jobs.c.queue, jobs.c.priority.desc(), jobs.c.project, jobs.c.seq
)
_partial_index("jobs_without_message", unsent, *in_order, jobs.c.queue)
_partial_index("jobs_sent", queued, jobs.c.queue, jobs.c.sent_at)
_partial_index("jobs_of_batch", jobs.c.batch.is_not(None), jobs.c.batch)
_partial_index("jobs_held", running, jobs.c.lease_until)
_partial_index(
    "jobs_oldest", queued, *(jobs.c[n] for n in ("project", "model", "queue", "created_at"))
)

BLOCK = 256
"""Consecutive sequence numbers whose waiting jobs are counted together; see migration 0008."""

job_counts = Table(
    "job_counts",
    metadata,
    _serial(),
    Column("state", String(16), nullable=False),
    Column("queue", String(16), nullable=False),
    Column("model", String(64), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("block", BigInteger, nullable=False),
    Column("jobs", BigInteger, nullable=False),
    Column("voxels", BigInteger, nullable=False),
    Column("project", Text, nullable=False, server_default=""),
)
"""How many jobs there are, as sums of rows that triggers insert at every change of a job.

A job adds 1 to its state; a job that changes its state adds -1 to the old one. `priority` and
`block` (`seq` / BLOCK) are 0, and `project` is empty, for jobs that do not wait. `Figures.fold`
replaces rows by their sum.
"""

job_starts = Table(
    "job_starts",
    metadata,
    _serial(),
    Column("queue", String(16), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("project", Text, nullable=False),
    Index("job_starts_of_project", "queue", "priority", "project", "seq"),
    sqlite_autoincrement=True,
)
"""Starts of jobs, which a trigger inserts; only the last one of each project is needed. See
`turns`."""

tallies = Table(
    "tallies",
    metadata,
    _serial(),
    Column("subject", String(16), nullable=False),
    Column("project", Text, nullable=False, server_default=""),
    Column("model", String(64), nullable=False, server_default=""),
    Column("queue", String(16), nullable=False, server_default=""),
    Column("peer", String(64), nullable=False, server_default=""),
    Column("state", String(16), nullable=False, server_default=""),
    Column("kind", String(64), nullable=False, server_default=""),
    Column("device", String(32), nullable=False, server_default=""),
    Column("precision", String(16), nullable=False, server_default=""),
    Column("bucket_s", Double, nullable=False, server_default="0"),
    Column("number", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False, server_default="0"),
    Column("seconds", Double, nullable=False, server_default="0"),
    Column("tiles", BigInteger, nullable=False, server_default="0"),
    Column("network_s", Double, nullable=False, server_default="0"),
)
"""What metrics report, as sums of rows that triggers insert; see migration 0010 and
`jobs.service_figures`. `Figures.fold` replaces rows by their sum."""

storage_tally = tallies.c.subject.in_(
    [literal(subject, literal_execute=True) for subject in ("scan", "mask")]
)
"""The tally is about stored bytes of a project; part of the statement, as `commitment_open`."""
_partial_index("tallies_of_storage", storage_tally, tallies.c.project)

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
    Column("models", _Json, nullable=False),
)
"""The names of the models that a project may use; a project without a row may use all."""

worklist = Table(
    "worklist",
    metadata,
    Column("seq", _Serial, primary_key=True, autoincrement=False),
    Column("project", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("verdict", String(16)),
    Column("reviewer", Text),
    Column("model", String(64), nullable=False),
    Column("batch", String(64)),
    Column("modality", String(16)),
    Column("priority", Integer, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("warnings", Integer, nullable=False),
    Column("scan_name", Text, nullable=False),
    Column("names", Text, nullable=False),
    Column("assignee", Text),
    Column("review", String(64)),
    Column("doubts", Integer, nullable=False, server_default="0"),
    Column("unusual", Integer, nullable=False, server_default="0"),
    Column("unusual_sizes", _Json),
    Column("suspicion", Integer, Computed("warnings + unusual")),
    Column("reading", String(16)),
    Column("readings_given", Integer),
    Column("readings_wanted", Integer),
    Column("readers", Text),
    Column("subject", Text),
    Column("study_date", Text),
    Index("worklist_by_age", "project", "seq"),
)
"""One narrow row for each job, which triggers keep, with what lists are filtered and sorted by;
see migrations 0016, 0019, 0020 and 0022. `scan_name`, `subject` and `study_date` are those of the
first scan, `names` the names of all scans, one a line; `review` is the id of the newest review that
counts. `assignee`, and the `unusual_sizes` with their number `unusual`, are written by statements.
Lists read it, not `jobs`, whose rows hold reports of megabytes."""

Index("worklist_by_priority", worklist.c.project, worklist.c.priority.desc(), worklist.c.seq)
Index(
    "worklist_by_suspicion", worklist.c.project, worklist.c.suspicion.desc(), worklist.c.seq.desc()
)


def _model_of_project() -> "list[Column[Any]]":
    return [
        Column("project", Text, nullable=False),
        Column("model", String(64), nullable=False),
        Column("model_version", Text, nullable=False),
    ]


mask_sizes = Table(
    "mask_sizes",
    metadata,
    Column("seq", _Serial, primary_key=True, autoincrement=False),
    *_model_of_project(),
    Column("accepted", Boolean, nullable=False),
    Column("unusual", Integer),
    Column("sizes", _Json, nullable=False),
    Index("mask_sizes_of_model", "project", "model", "model_version", "accepted", "seq"),
)
"""The sizes of the labels of each finished job's mask, which triggers keep: a list of [value, name,
size, unit]. `unusual`: how many differ from the usual ones; NULL: they must be compared."""

size_unchecked = mask_sizes.c.unusual.is_(None)
_partial_index("mask_sizes_unchecked", size_unchecked, mask_sizes.c.seq)

usual_sizes = Table(
    "usual_sizes",
    metadata,
    *_model_of_project(),
    Column("figures", _Json, nullable=False),
    PrimaryKeyConstraint("project", "model", "model_version"),
)
"""What `jobs.usual_sizes.usual` found, by which masks are compared until it moves."""

batch_reviews = Table(
    "batch_reviews",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("project", Text, nullable=False),
    Column("reviewer", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("idempotency_key", Text),
    Column("request", String(64), nullable=False),
    Column("outcomes", _Json, nullable=False),
    UniqueConstraint("project", "idempotency_key", name="batch_reviews_once_per_key"),
    Index("batch_reviews_old", "created_at"),
)
"""What was decided for each job of a batch of verdicts: [job, outcome, review or None]. Rows are
kept for a day, in which a repeated request gets the same response."""

reading_waits = worklist.c.reading.in_(
    [
        literal(state.value, literal_execute=True)
        for state in (ReadingState.OPEN, ReadingState.ADJUDICATE)
    ]
)
"""The job waits for a reader of its second reading; part of the statement, as `commitment_open`."""
_partial_index("worklist_readings", reading_waits, worklist.c.project, worklist.c.seq)

workers = Table(
    "workers",
    metadata,
    Column("name", Text, primary_key=True),
    Column("queues", _Json, nullable=False),
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
    _serial(),
    Column("id", String(64), nullable=False, unique=True),
    *_model_of_project(),
    Column("model_sha256", String(64), nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("options", _Json, nullable=False),
    *_lease_columns(),
    Column("progress", _Json, nullable=False),
    Column("result", _Json),
    Column("model_blob", String(64), index=True),
    Column("publish", Boolean, nullable=False, server_default=false()),
    Column("published_at", Double),
    Column("publish_error", _Json),
    Index("trainings_list", "project", "seq"),
    Index("trainings_of_state", "state", "seq"),
    sqlite_autoincrement=True,
)
"""Models that are fine-tuned with the masks of a project; see `jobs.training`. There are few."""

projects = Table(
    "projects",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("created_at", Double, nullable=False),
)
"""See `jobs.account`. `project` in rows of earlier code is such a name, without a foreign key."""

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

api_keys = Table(
    "api_keys",
    metadata,
    _serial(),
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

dicom_senders = Table(
    "dicom_senders",
    metadata,
    Column("ae_title", String(16), primary_key=True),
    Column("project", String(64), ForeignKey("projects.name"), nullable=False),
    Column("role", String(16), nullable=False),
    Column("created_at", Double, nullable=False),
)

schema_support = Table(
    "schema_support",
    metadata,
    Column("oldest_revision", String(32), primary_key=True),
    Column("oldest_version", Text, nullable=False),
)
"""One row: the earliest revision of the schema whose code can use the database, and the earliest
version of Tessera that knows it. See `revision`."""

job_scans = Table(
    "job_scans",
    metadata,
    Column("job", String(64), ForeignKey("jobs.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("channel", String(64), nullable=False),
    Column("scan", String(64), ForeignKey("scans.id"), nullable=False, index=True),
)

reviews = Table(
    "reviews",
    metadata,
    _serial(),
    Column("id", String(64), nullable=False, unique=True),
    Column("job", String(64), ForeignKey("jobs.id"), index=True),
    Column("verdict", String(16), nullable=False),
    Column("comment", Text, nullable=False),
    Column("reviewer", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("mask_sha256", String(64)),
    Column("mask_format", String(16)),
    Column("mask_bytes", BigInteger, nullable=False, server_default="0"),
    Column("scan", String(64), ForeignKey("scans.id", name="reviews_of_scan")),
    Column("tag", String(64)),
    Column("info", _Json),
    Column("reasons", _Json, nullable=False, server_default="[]"),
    Column("withdrawn_at", Double),
    Column("role", String(16)),
    Column("measurements", _Json, nullable=False, server_default="[]"),
    Column("base", String(64)),
    Column("seconds", Double),
    Column("changes", _Json, nullable=False, server_default="[]"),
    Index("reviews_mask", "mask_sha256"),
    Index("reviews_labels", "scan", "tag", "seq"),
    sqlite_autoincrement=True,
)

review_stands = reviews.c.withdrawn_at.is_(None)
"""The review was not withdrawn."""

drafts = Table(
    "drafts",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("job", String(64), nullable=False),
    Column("reader", Text, nullable=False),
    Column("reader_key", Text, nullable=False),
    Column("base", String(64)),
    Column("mask_sha256", String(64), nullable=False, index=True),
    Column("mask_format", String(16), nullable=False),
    Column("voxels", BigInteger, nullable=False),
    Column("labels", _Json, nullable=False),
    Column("largest", BigInteger),
    Column("changes", Integer, nullable=False, server_default="0"),
    Column("bytes", BigInteger, nullable=False, server_default="0"),
    Column("runs", BigInteger, nullable=False, server_default="0"),
    Column("painted", BigInteger, nullable=False, server_default="0"),
    Column("seconds", Double, nullable=False, server_default="0"),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    UniqueConstraint("job", "reader_key", name="drafts_once_per_reader"),
    Index("drafts_old", "updated_at"),
)
"""Corrections that are not finished; see `jobs.draft`. Without foreign keys: triggers delete a
draft with its job, and its changes with it, as earlier code that deletes jobs does not know them.
"""

draft_changes = Table(
    "draft_changes",
    metadata,
    Column("draft", String(64), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("sha256", String(64), nullable=False),
    Column("packed", LargeBinary, nullable=False),
)
"""The sets of changes of drafts, as they were received; `sha256` is that of the unpacked runs."""

readings = Table(
    "readings",
    metadata,
    Column("job", String(64), primary_key=True),
    Column("wanted", Integer, nullable=False),
    Column("show_names", Boolean, nullable=False),
    Column("min_dice", Double, nullable=False),
    Column("state", String(16), nullable=False),
    Column("given", Integer, nullable=False),
    Column("readers", Text, nullable=False),
    Column("blind", Boolean, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("requested_at", Double, nullable=False),
    Column("completed_at", Double),
    Column("review", String(64)),
    Column("reviewer", Text),
    Column("agreement", _Json),
    Column("unblindings", _Json, nullable=False, server_default="[]"),
)
"""Second readings of jobs; see `jobs.second_reading`. `readers`: the keys of those who have given a
reading, each between newlines. `reviewer`: the name in the review that decides. Without foreign
keys: a trigger deletes the row with its job, as earlier code that deletes jobs does not know the
table."""

reading_events = Table(
    "reading_events",
    metadata,
    _serial(),
    Column("job", String(64), nullable=False),
    Column("project", Text, nullable=False),
    Column("model", String(64), nullable=False),
    Column("batch", String(64)),
    Column("event", String(32), nullable=False),
    Column("verdict", String(16)),
    Column("at", Double, nullable=False),
)
"""Stages of second readings, until webhook messages are made of them."""

viewers = Table(
    "viewers",
    metadata,
    Column("job", String(64), primary_key=True),
    Column("viewer", String(64), primary_key=True),
    Column("reader", Text, nullable=False),
    Column("since", Double, nullable=False),
    Column("until", Double, nullable=False),
    Index("viewers_expired", "until"),
)
"""Pages that show a job. Without a foreign key: earlier code deletes jobs and does not know the
table, and each row is deleted once it has expired."""

image_names = Table(
    "image_names",
    metadata,
    Column("project", Text, primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("scan", String(64), ForeignKey("scans.id"), nullable=False, index=True),
    Column("created_at", Double, nullable=False),
    Column("used_at", Double, nullable=False),
    Column("expiry_s", Double),
    Column("owns_scan", Boolean, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    _serial(),
    Column("id", String(64), nullable=False, unique=True),
    Column("job", String(64), ForeignKey("jobs.id"), nullable=False),
    Column("destination", String(64), nullable=False),
    Column("format", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Double, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("finished_at", Double),
    Column("error", _Json),
    Column("review", String(64), nullable=False, server_default=""),
    Column("sent_as", String(32)),
    Column("sop_class", String(64)),
    Column("sop_instance", String(64)),
    Column("commitment", String(16)),
    Column("transaction", String(64)),
    Column("commit_requests", Integer, nullable=False, server_default="0"),
    Column("commit_attempts", Integer, nullable=False, server_default="0"),
    Column("requested_again_at", Double),
    UniqueConstraint("job", "destination", "format", "review", name="deliveries_once"),
    Index("deliveries_due", "state", "due_at"),
    Index("deliveries_of_transaction", "transaction"),
    sqlite_autoincrement=True,
)

commitment_open = deliveries.c.commitment.in_(
    [literal(state.value, literal_execute=True) for state in (Commitment.DUE, Commitment.REQUESTED)]
)
"""The delivery was sent, and the destination has not reported whether it keeps the object.

The values are part of the statement, not parameters: only then do the databases recognise the
condition of the partial index.
"""

Index(
    "deliveries_uncommitted",
    deliveries.c.destination,
    deliveries.c.due_at,
    sqlite_where=commitment_open,
    postgresql_where=commitment_open,
)

delivery_waits = deliveries.c.state == literal(DeliveryState.WAITING.value, literal_execute=True)
"""The delivery is not sent yet."""
_partial_index(
    "deliveries_waiting",
    delivery_waits,
    deliveries.c.destination,
    deliveries.c.attempts.desc(),
    deliveries.c.seq,
)

job_ends = Table(
    "job_ends",
    metadata,
    _serial(),
    Column("job", String(64), nullable=False),
    Column("project", Text, nullable=False),
    Column("model", String(64), nullable=False),
    Column("model_version", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("batch", String(64)),
    Column("attempt", Integer, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("started_at", Double),
    Column("finished_at", Double),
    Column("error", _Json),
)
"""Jobs that have ended, as a trigger notes them, until webhook messages are made of them."""

webhook_messages = Table(
    "webhook_messages",
    metadata,
    _serial(),
    Column("id", String(64), nullable=False, unique=True),
    Column("project", Text, nullable=False),
    Column("endpoint", String(64), nullable=False),
    Column("event", String(32), nullable=False),
    Column("job", String(64)),
    Column("batch", String(64)),
    Column("body", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("due_at", Double, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("finished_at", Double),
    Column("status", Integer),
    Column("error", _Json),
    Column("traceparent", String(64)),
    Index("webhook_messages_old", "due_at"),
    Index("webhook_messages_list", "project", "state", "seq"),
    sqlite_autoincrement=True,
)

message_waits = webhook_messages.c.state == literal(
    MessageState.WAITING.value, literal_execute=True
)
"""The message is not sent yet; part of the statement, as `commitment_open`."""

_partial_index(
    "webhook_messages_due",
    message_waits,
    *(webhook_messages.c[name] for name in ("endpoint", "due_at", "seq")),
)

audit_events = Table(
    "audit_events",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("action", String(32), nullable=False),
    Column("principal", Text, nullable=False),
    Column("project", Text, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("object_kind", String(32), nullable=False),
    Column("object_id", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("destination", Text, nullable=False),
    Column("request", Text, nullable=False),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index("audit_events_of_project", "project", "seq"),
    Index("audit_events_of_object", "object_id", "seq"),
)
"""Events of the audit trail. Triggers refuse changes and deletions."""

audit_checkpoints = Table(
    "audit_checkpoints",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", String(64), nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("key_id", String(16), nullable=False),
    Column("signature", String(64), nullable=False),
)
"""Signed statements of the trail's end at some time. Triggers refuse changes and deletions."""

audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("time_ms", BigInteger, nullable=False, server_default="0"),
    Column("key_id", String(16), nullable=False, server_default=""),
    Column("signature", String(64), nullable=False, server_default=""),
    Column("checkpoint_seq", BigInteger, nullable=False),
    Column("checkpoint_ms", BigInteger, nullable=False),
)
"""One row: number and hash of the last event, signed, and where the last checkpoint is. A
gateway that appends events locks it, so that there is one chain."""

audit_removals = Table(
    "audit_removals",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", String(64), nullable=False),
    Column("before_ms", BigInteger, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("key_id", String(16), nullable=False),
    Column("signature", String(64), nullable=False),
)
"""Signed statements that the events up to a number were removed; see `jobs.audit.removal`. Triggers
refuse changes and deletions."""

retention_rules = Table(
    "retention_rules",
    metadata,
    Column("project", Text, primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("basis", String(16), nullable=False),
    Column("keep_s", Double, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("set_at", Double, nullable=False),
)
"""See `jobs.retention.rule`. `project` is empty for a rule of the whole service."""

legal_holds = Table(
    "legal_holds",
    metadata,
    _serial(),
    Column("id", String(64), nullable=False, unique=True),
    Column("project", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("target", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("set_at", Double, nullable=False),
    Column("lifted_by", Text),
    Column("lifted_at", Double),
    sqlite_autoincrement=True,
)
"""See `jobs.retention.hold`. Lifted holds stay."""

hold_in_force = legal_holds.c.lifted_at.is_(None)
"""The hold was not lifted."""
_partial_index(
    "legal_holds_in_force",
    hold_in_force,
    *(legal_holds.c[name] for name in ("project", "kind", "target")),
)

retention_reports = Table(
    "retention_reports",
    metadata,
    _serial(),
    Column("id", String(64), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("finished_at", Double),
    Column("lease_until", Double, nullable=False),
    sqlite_autoincrement=True,
)
"""See `jobs.retention.report`. The gateway that renews its lease finishes it."""

retention_counts = Table(
    "retention_counts",
    metadata,
    Column("report", String(64), primary_key=True),
    Column("project", Text, primary_key=True),
    Column("kind", String(64), primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("oldest", Double, nullable=False),
    Column("newest", Double, nullable=False),
)
"""What a report counts, for each project and kind."""
