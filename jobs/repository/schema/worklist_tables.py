"""The tables that lists of jobs are filtered and sorted by, and of unusual masks."""

from sqlalchemy import (
    Boolean,
    Column,
    Computed,
    Double,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from jobs.repository.schema.table_parts import (
    Json,
    Serial,
    metadata,
    model_of_project,
    one_of,
    partial_index,
)
from jobs.second_reading import ReadingState

worklist = Table(
    "worklist",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=False),
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
    Column("unusual_sizes", Json),
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

mask_sizes = Table(
    "mask_sizes",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=False),
    *model_of_project(),
    Column("accepted", Boolean, nullable=False),
    Column("unusual", Integer),
    Column("sizes", Json, nullable=False),
    Index("mask_sizes_of_model", "project", "model", "model_version", "accepted", "seq"),
)
"""The sizes of the labels of each finished job's mask, which triggers keep: a list of [value, name,
size, unit]. `unusual`: how many differ from the usual ones; NULL: they must be compared."""

size_unchecked = mask_sizes.c.unusual.is_(None)
"""The mask was not compared yet."""
partial_index("mask_sizes_unchecked", size_unchecked, mask_sizes.c.seq)

usual_sizes = Table(
    "usual_sizes",
    metadata,
    *model_of_project(),
    Column("figures", Json, nullable=False),
    PrimaryKeyConstraint("project", "model", "model_version"),
)
"""What `jobs.usual_sizes.usual` found, by which masks are compared until it moves."""

reading_waits = one_of(worklist.c.reading, (ReadingState.OPEN, ReadingState.ADJUDICATE))
"""The job waits for a reader of its second reading."""
partial_index("worklist_readings", reading_waits, worklist.c.project, worklist.c.seq)
