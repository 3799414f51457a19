"""The tables of counts that triggers keep: for queues, quotas and metrics."""

from sqlalchemy import BigInteger, Column, Double, Index, Integer, String, Table, Text

from jobs.repository.schema.table_parts import metadata, one_of, partial_index, serial

BLOCK = 256
"""Consecutive sequence numbers whose waiting jobs are counted together; see migration 0008."""

job_counts = Table(
    "job_counts",
    metadata,
    serial(),
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
    serial(),
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
    serial(),
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

storage_tally = one_of(tallies.c.subject, ("scan", "mask"))
"""The tally is about stored bytes of a project."""
partial_index("tallies_of_storage", storage_tally, tallies.c.project)
