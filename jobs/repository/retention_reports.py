"""Reports of retention runs and erasures. An unfinished report is also the lease of its run."""

from collections.abc import Sequence
from uuid import uuid4

from sqlalchemy import Connection, insert, select, update

from imaging.errors import Conflict
from jobs.repository.database import Database
from jobs.repository.pages import newest_first
from jobs.repository.rows import Row
from jobs.repository.schema.retention_tables import retention_counts, retention_reports
from jobs.retention.report import Place, Report, ReportKind, Tally

LEASE_S = 300.0
"""How long a run may be silent until another one continues it."""


class RetentionReports:
    """The reports of all projects."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, kind: ReportKind, requested_by: str) -> str:
        """The id of a new report; an interrupted run of rules is continued with its own.

        Raises Conflict while another run is at work, of any kind.
        """
        with self._database.write() as connection:
            self._database.lock(connection, "retention")
            now = self._database.clock(connection)
            lease = {"lease_until": now + LEASE_S}
            unfinished = retention_reports.c.finished_at.is_(None)
            interrupted = None
            for row in connection.execute(select(retention_reports).where(unfinished)).mappings():
                if row["lease_until"] > now:
                    raise Conflict(
                        "Another run of retention or erasure is at work.",
                        expected="One run at a time.",
                        hint=f"Wait until it has ended. If it was killed, wait {LEASE_S:g} s.",
                    )
                if row["kind"] == kind == ReportKind.RULES:
                    interrupted = row["id"]
            if interrupted is not None:
                mine = retention_reports.c.id == interrupted
                connection.execute(update(retention_reports).where(mine).values(lease))
                return str(interrupted)
            report = uuid4().hex
            values = insert(retention_reports).values(
                id=report, kind=kind, requested_by=requested_by, started_at=now, **lease
            )
            connection.execute(values)
            return report

    def interrupted(self) -> bool:
        """Whether a run of rules has not ended and is silent."""
        mine = (retention_reports.c.kind == ReportKind.RULES) & retention_reports.c.finished_at.is_(
            None
        )
        query = select(retention_reports.c.lease_until).where(mine)
        with self._database.read() as connection:
            now = self._database.clock(connection)
            return any(until <= now for until in connection.execute(query).scalars())

    def renew(self, report: str) -> None:
        """The run goes on."""
        until = self._database.now + LEASE_S
        self._update(report, lease_until=until)

    def release(self, report: str) -> None:
        """The run ends before its end; the next one may continue at once."""
        self._update(report, lease_until=0.0)

    def finish(self, report: str) -> Report:
        """Ends a report and returns it."""
        self._update(report, finished_at=self._database.now)
        return self.get(report)

    def get(self, report: str) -> Report:
        """A report that exists."""
        with self._database.read() as connection:
            query = select(retention_reports).where(retention_reports.c.id == report)
            return _with_tallies(connection, connection.execute(query).mappings().all())[0]

    def page(
        self, cursor: str | None = None, limit: int = 50, project: str | None = None
    ) -> tuple[list[Report], str | None]:
        """The newest reports first, and the cursor of the next page.

        `project`: only what went in this project, and reports about it; None: all.
        """
        query = select(retention_reports)
        if project is not None:
            about = select(retention_counts.c.report).where(retention_counts.c.project == project)
            query = query.where(retention_reports.c.id.in_(about))
        with self._database.read() as connection:
            rows, more = newest_first(connection, query, retention_reports, cursor, limit)
            return _with_tallies(connection, rows, project), more

    def count(self, report: str, place: Place, size: int, at: float) -> None:
        """Counts one thing that went, which is no row."""
        with self._database.write() as connection:
            count(connection, report, place, size, at)

    def _update(self, report: str, **values: object) -> None:
        with self._database.write() as connection:
            mine = retention_reports.c.id == report
            connection.execute(update(retention_reports).where(mine).values(**values))


def count(
    connection: Connection, report: str, place: Place, size: int, at: float, number: int = 1
) -> None:
    """Adds to a report, in the transaction in which the things go. Only its run may do so."""
    columns = retention_counts.c
    mine = (columns.report == report, columns.project == place[0], columns.kind == place[1])
    known = connection.execute(select(retention_counts).where(*mine)).mappings().first()
    if known is None:
        first = {"number": number, "size": size, "oldest": at, "newest": at}
        row = insert(retention_counts).values(report=report, project=place[0], kind=place[1])
        connection.execute(row.values(**first))
        return
    values = {"number": known["number"] + number, "size": known["size"] + size}
    values |= {"oldest": min(known["oldest"], at), "newest": max(known["newest"], at)}
    connection.execute(update(retention_counts).where(*mine).values(values))


def _with_tallies(
    connection: Connection, rows: Sequence[Row], project: str | None = None
) -> list[Report]:
    ids = [row["id"] for row in rows]
    query = select(retention_counts).where(retention_counts.c.report.in_(ids))
    if project is not None:
        query = query.where(retention_counts.c.project == project)
    tallies: dict[str, dict[Place, Tally]] = {one: {} for one in ids}
    order = (retention_counts.c.project, retention_counts.c.kind)
    for row in connection.execute(query.order_by(*order)):
        tally = Tally(row.number, row.size, row.oldest, row.newest)
        tallies[row.report][row.project, row.kind] = tally
    return [
        Report(
            id=row["id"],
            kind=ReportKind(row["kind"]),
            requested_by=row["requested_by"],
            started_at=row["started_at"],
            finished_at=row["finished_at"],
            tallies=tallies[row["id"]],
        )
        for row in rows
    ]
