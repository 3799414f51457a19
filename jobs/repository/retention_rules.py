"""The retention rules of projects."""

from dataclasses import asdict, replace

from sqlalchemy import ColumnElement, and_, delete, insert, select

from imaging.errors import BadRequest, NotFound
from jobs.repository.account_rows import check_project
from jobs.repository.database import Database
from jobs.repository.rows import Row
from jobs.repository.schema.retention_tables import retention_rules
from jobs.retention.rule import BASES, SERVICE, Basis, RetentionKind, RetentionRule


class RetentionRules:
    """The rules of all projects: at most one for each kind."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, project: str | None = None) -> list[RetentionRule]:
        """The rules of a project and of the whole service; of all projects if None."""
        query = select(retention_rules)
        if project is not None:
            query = query.where(retention_rules.c.project.in_([project, SERVICE]))
        order = (retention_rules.c.project, retention_rules.c.kind)
        with self._database.read() as connection:
            return [_rule_of(row) for row in connection.execute(query.order_by(*order)).mappings()]

    def set(self, rule: RetentionRule) -> RetentionRule:
        """Puts a rule in place of the one of its kind; returns it with the time.

        Raises BadRequest for a basis that the kind does not have, NotFound for an unknown project.
        """
        if rule.basis not in BASES[rule.kind]:
            raise BadRequest(
                f"Data of the kind {rule.kind} cannot be counted from {rule.basis}.",
                expected=f"One of: {', '.join(BASES[rule.kind])}.",
            )
        if (rule.kind is RetentionKind.AUDIT) != (rule.project == SERVICE):
            raise BadRequest(
                "Only the audit trail has a rule of the whole service.",
                expected="A project for every other kind, and none for the audit trail.",
            )
        with self._database.write() as connection:
            if rule.project != SERVICE:
                check_project(connection, rule.project)
            rule = replace(rule, set_at=self._database.clock(connection))
            connection.execute(delete(retention_rules).where(_key(rule.project, rule.kind)))
            connection.execute(insert(retention_rules).values(asdict(rule)))
        return rule

    def unset(self, project: str, kind: RetentionKind) -> None:
        """Removes a rule; raises NotFound."""
        with self._database.write() as connection:
            if not connection.execute(delete(retention_rules).where(_key(project, kind))).rowcount:
                raise NotFound(
                    "There is no such rule.", hint="List the rules with `tessera retention list`."
                )


def _key(project: str, kind: RetentionKind) -> ColumnElement[bool]:
    return and_(retention_rules.c.project == project, retention_rules.c.kind == kind)


def _rule_of(row: Row) -> RetentionRule:
    values = dict(row) | {"kind": RetentionKind(row["kind"]), "basis": Basis(row["basis"])}
    return RetentionRule(**values)
