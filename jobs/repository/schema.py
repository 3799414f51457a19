"""The tables, as the newest migration leaves them, and the dataclasses of their rows."""

from collections.abc import Sequence

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    RowMapping,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    literal,
)

from jobs.delivery import Commitment, Delivery, DeliveryState
from jobs.job import Job, JobState, Options, Progress
from jobs.review import Review
from jobs.stored_scan import StoredScan

metadata = MetaData()

_Serial = BigInteger().with_variant(Integer, "sqlite")
_Json = JSON(none_as_null=True)


def _serial() -> "Column[int]":
    """The order of insertion, which lists, cursors and the queue use."""
    return Column("seq", _Serial, primary_key=True, autoincrement=True)


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
    Column("state", String(16), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("batch", String(64), ForeignKey("batches.id")),
    Column("worker", Text),
    Column("lease_until", Double),
    Column("sent_at", Double),
    Column("started_at", Double),
    Column("finished_at", Double),
    Column("tiles_done", Integer, nullable=False),
    Column("tiles_total", Integer, nullable=False),
    Column("preparing", Boolean, nullable=False, server_default=false()),
    Column("mask_sha256", String(64), index=True),
    Column("mask_format", String(16)),
    Column("preview_sha256", String(64), index=True),
    Column("report", _Json),
    Column("error", _Json),
    Column("verdict", String(16)),
    Column("idempotency_key", Text),
    Column("request", String(64), nullable=False),
    UniqueConstraint("project", "idempotency_key", name="jobs_once_per_key"),
    Index("jobs_list", "project", "seq"),
    Index("jobs_list_by_state", "project", "state", "seq"),
    Index("jobs_of_batch", "batch", "seq"),
    Index("jobs_places", "state", "priority", "seq"),
    Index("jobs_unsent", "state", "sent_at"),
    Index("jobs_messages", "state", "queue", "sent_at"),
    Index("jobs_leased", "state", "lease_until"),
    Index("jobs_measured", "model", "state", "finished_at"),
    sqlite_autoincrement=True,
)

brief = tuple(column for column in jobs.c if column is not jobs.c.report)
"""All columns of a job except its report, which may take megabytes."""

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
    Column("scan", String(64), ForeignKey("scans.id", name="reviews_of_scan")),
    Column("tag", String(64)),
    Column("info", _Json),
    Index("reviews_mask", "mask_sha256"),
    Index("reviews_labels", "scan", "tag", "seq"),
    sqlite_autoincrement=True,
)

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

Row = RowMapping


def scan_of(row: Row) -> StoredScan:
    """The scan of a row of `scans`."""
    spacing = row["spacing_mm"]
    return StoredScan(
        id=row["id"],
        project=row["project"],
        sha256=row["sha256"],
        name=row["name"],
        format=row["format"],
        shape=tuple(row["shape"]),
        dtype=row["dtype"],
        spacing_mm=None if spacing is None else tuple(spacing),
        affine=tuple(tuple(line) for line in row["affine"]),
        bytes=row["bytes"],
        warnings=tuple(row["warnings"]),
        created_at=row["created_at"],
        series=row["series"],
        images=row["images"],
        impossible_formats=tuple(row["impossible_formats"]),
    )


_NEWER_OPTIONS = ("mask", "margin_mm")
"""Options that jobs of older versions do not have."""


def job_of(row: Row, channels: Sequence[Row]) -> Job:
    """The job of a row of `jobs` and its rows of `job_scans`, ordered by position."""
    tile = row["options"]["tile"]
    same = {
        name: row[name]
        for name in (
            *("id", "project", "model", "model_version", "model_sha256", "priority", "queue"),
            *("attempt", "fence", "created_at", "batch", "worker", "lease_until", "sent_at"),
            *("started_at", "finished_at", "mask_sha256", "mask_format", "preview_sha256"),
            *("error", "verdict"),
        )
    }
    return Job(
        scans={channel["channel"]: channel["scan"] for channel in channels},
        options=Options(
            device=row["options"]["device"],
            precision=row["options"]["precision"],
            tile=None if tile is None else tuple(tile),
            **{name: row["options"][name] for name in _NEWER_OPTIONS if name in row["options"]},
        ),
        state=JobState(row["state"]),
        progress=Progress(row["tiles_done"], row["tiles_total"], row["preparing"]),
        **same,
    )


def review_of(row: Row) -> Review:
    """The review of a row of `reviews`."""
    return Review(**{name: row[name] for name in Review.__dataclass_fields__})


def delivery_of(row: Row) -> Delivery:
    """The delivery of a row of `deliveries`."""
    values = {name: row[name] for name in Delivery.__dataclass_fields__}
    commitment = row["commitment"]
    return Delivery(
        **values
        | {
            "state": DeliveryState(row["state"]),
            "commitment": None if commitment is None else Commitment(commitment),
        }
    )
