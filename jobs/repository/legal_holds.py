"""Legal holds: set, lifted, and checked in the transaction that deletes something.

A deletion and a hold that is being set wait for each other, by a lock of the project: a hold that
is in force covers all that was not deleted before.
"""

from collections.abc import Collection
from dataclasses import fields, replace
from uuid import uuid4

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    and_,
    exists,
    insert,
    or_,
    select,
    update,
)

from imaging.errors import BadRequest, Conflict, NotFound
from jobs.repository.account_rows import check_project
from jobs.repository.database import Database
from jobs.repository.rows import Row
from jobs.repository.schema.retention_tables import hold_in_force, legal_holds
from jobs.repository.schema.scan_tables import scans
from jobs.retention.hold import Hold, HoldKind, held_by

_COLUMNS = tuple(legal_holds.c[field.name] for field in fields(Hold))
ERASED = "erased"
"""Target of a lifted hold on a patient that was erased since."""
MOST_REASON = 1000
"""Longest reason in characters."""


class LegalHolds:
    """The holds of all projects."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def set(self, project: str, kind: HoldKind, target: str, reason: str, set_by: str) -> Hold:
        """Sets a hold; `target` as in `Hold`.

        Raises BadRequest without a reason or target, NotFound for an unknown project or scan,
        Conflict if there is such a hold already.
        """
        _check_texts(kind, target, reason)
        hold = Hold(uuid4().hex, project, kind, target, reason.strip(), set_by, 0.0)
        with self._database.write() as connection:
            check_project(connection, project)
            _lock(self._database, connection, project)
            if kind is HoldKind.SCAN:
                _check_scan(connection, project, target)
            same = (legal_holds.c.kind == kind) & (legal_holds.c.target == target)
            mine = select(*_COLUMNS).where(legal_holds.c.project == project, hold_in_force, same)
            if (row := connection.execute(mine).mappings().first()) is not None:
                raise Conflict(
                    f"This {kind} is under a legal hold already: {row['id']}.",
                    expected="One hold of a kind.",
                    hint="Lift that one after you have set another one of another kind.",
                )
            hold = replace(hold, set_at=self._database.clock(connection))
            values = {column.name: getattr(hold, column.name) for column in _COLUMNS}
            connection.execute(insert(legal_holds).values(values))
        return hold

    def lift(self, hold_id: str, lifted_by: str, project: str | None = None) -> Hold:
        """Lifts a hold of the project, of any if None; raises NotFound, and Conflict if it was
        lifted before."""
        with self._database.write() as connection:
            mine = legal_holds.c.id == hold_id
            if project is not None:
                mine &= legal_holds.c.project == project
            row = connection.execute(select(*_COLUMNS).where(mine).with_for_update()).mappings()
            hold = next(map(_hold_of, row), None)
            if hold is None:
                raise NotFound(
                    "There is no such hold.",
                    hint="List the holds with `tessera retention holds` or GET /v1/holds.",
                )
            if not hold.in_force:
                raise Conflict("This hold was lifted before.", expected="A hold in force.")
            now = self._database.clock(connection)
            connection.execute(
                update(legal_holds).where(mine).values(lifted_by=lifted_by, lifted_at=now)
            )
            return replace(hold, lifted_by=lifted_by, lifted_at=now)

    def all(self, project: str | None = None, *, lifted: bool = False) -> list[Hold]:
        """The holds of a project, of all if None, oldest first; with `lifted` those, too."""
        query = select(*_COLUMNS).order_by(legal_holds.c.seq)
        if project is not None:
            query = query.where(legal_holds.c.project == project)
        if not lifted:
            query = query.where(hold_in_force)
        with self._database.read() as connection:
            return [_hold_of(row) for row in connection.execute(query).mappings()]

    def forget(self, projects: Collection[str], subjects: Collection[str]) -> None:
        """Removes the pseudonyms of erased patients from holds that were lifted."""
        theirs = legal_holds.c.project.in_(projects) & legal_holds.c.target.in_(subjects)
        with self._database.write() as connection:
            lifted = update(legal_holds).where(theirs, ~hold_in_force)
            connection.execute(lifted.values(target=ERASED))

    def check_project(self, project: str) -> None:
        """Raises LegalHold if the whole project is under a hold."""
        for hold in self.all(project):
            if hold.kind is HoldKind.PROJECT:
                raise held_by(hold)

    def check_subjects(self, project: str, subjects: Collection[str]) -> None:
        """Raises LegalHold if a patient with one of these pseudonyms, or the project, is."""
        for hold in self.all(project):
            if any(hold.covers(subject) for subject in subjects):
                raise held_by(hold)


def check_not_held(
    database: Database, connection: Connection, project: str, scan_ids: Collection[str]
) -> None:
    """Raises LegalHold if a hold covers one of the project's scans. No such hold is set until the
    transaction ends."""
    _lock(database, connection, project)
    for hold in holds_on(connection, project, scan_ids):
        raise held_by(hold)


def holds_on(connection: Connection, project: str, scan_ids: Collection[str]) -> tuple[Hold, ...]:
    """The holds that cover one of these scans of the project, oldest first."""
    covered = exists().where(scans.c.id.in_(scan_ids), scans.c.project == project, _covers_scan())
    query = select(*_COLUMNS).where(legal_holds.c.project == project, hold_in_force, covered)
    rows = connection.execute(query.order_by(legal_holds.c.seq)).mappings()
    return tuple(map(_hold_of, rows))


def held_scan(table: FromClause = scans) -> ColumnElement[bool]:
    """The condition for rows of `scans`, or of an alias, that a hold covers."""
    return exists().where(
        legal_holds.c.project == table.c.project, hold_in_force, _covers_scan(table)
    )


def _covers_scan(table: FromClause = scans) -> ColumnElement[bool]:
    return or_(
        legal_holds.c.kind == HoldKind.PROJECT,
        and_(legal_holds.c.kind == HoldKind.SCAN, legal_holds.c.target == table.c.id),
        and_(
            legal_holds.c.kind == HoldKind.PATIENT,
            table.c.display.is_not(None),
            legal_holds.c.target == table.c.display["subject"].as_string(),
        ),
    )


def _lock(database: Database, connection: Connection, project: str) -> None:
    database.lock(connection, f"holds {project}")


def _hold_of(row: Row) -> Hold:
    values = {column.name: row[column.name] for column in _COLUMNS}
    return Hold(**values | {"kind": HoldKind(row["kind"])})


def _check_texts(kind: HoldKind, target: str, reason: str) -> None:
    if (kind is HoldKind.PROJECT) == bool(target):
        raise BadRequest(
            "A hold names what it covers.",
            expected="The id of a scan, the pseudonym of a patient, or nothing for a project.",
        )
    if not reason.strip() or len(reason) > MOST_REASON:
        raise BadRequest(
            "A hold needs a reason.",
            expected=f"1 to {MOST_REASON:,} characters, without the name of a patient.",
            hint="State who ordered it, such as the number of a case.",
        )


def _check_scan(connection: Connection, project: str, scan_id: str) -> None:
    query = select(scans.c.id).where(scans.c.project == project, scans.c.id == scan_id)
    if connection.execute(query).first() is None:
        raise NotFound("There is no such scan.", hint="List the scans with GET /v1/scans.")
