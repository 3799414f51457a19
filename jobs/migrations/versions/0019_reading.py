"""Reading by several readers: assignments, verdicts on many jobs at once, and unusual sizes.

`worklist` gets the job's reader, its newest review that counts, its doubts, and the sizes of its
labels that differ from the usual ones. `mask_sizes` has the sizes of the labels of each mask, so
that nobody has to read reports for them; `usual_sizes` the figures of a model in a project;
`batch_reviews` what was decided for each job of a batch of verdicts.

Triggers write what follows from a job or a review, as in migration 0016: gateways and workers of
an earlier version still run during a rolling upgrade.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0019_project"
down_revision = "0018_project"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_JSON = sa.JSON(none_as_null=True)
_TRIGGERS = {
    "worklist_doubted": "jobs",
    "sizes_judged": "jobs",
    "sizes_deleted": "jobs",
    "worklist_newest_review": "reviews",
    "worklist_newest_withdrawn": "reviews",
    "worklist_newest_deleted": "reviews",
}
"""Trigger -> its table."""
_FUNCTIONS = ("list_doubts", "judge_sizes", "delete_sizes", "list_newest_review")
_COLUMNS = ("suspicion", "unusual_sizes", "unusual", "doubts", "review", "assignee")
_BY_SUSPICION: list[Any] = ["project", sa.text("suspicion DESC"), sa.text("seq DESC")]
_BY_WARNINGS: list[Any] = ["project", sa.text("warnings DESC"), sa.text("seq DESC")]


def upgrade() -> None:
    op.add_column("worklist", sa.Column("assignee", sa.Text()))
    op.add_column("worklist", sa.Column("review", sa.String(length=64)))
    for name in ("doubts", "unusual"):
        op.add_column("worklist", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    op.add_column("worklist", sa.Column("unusual_sizes", _JSON))
    # SQLite cannot add a stored column, PostgreSQL has no index of one that is not stored.
    rank = sa.Computed("warnings + unusual", persisted=not _on_sqlite())
    op.add_column("worklist", sa.Column("suspicion", sa.Integer(), rank))
    _tables()
    op.drop_index("worklist_by_warnings", "worklist")
    op.create_index("worklist_by_suspicion", "worklist", _BY_SUSPICION)
    (_sqlite_triggers if _on_sqlite() else _postgres_triggers)()
    op.execute(
        f"""UPDATE worklist SET
        review = (SELECT {_newest("jobs.id")} FROM jobs WHERE jobs.seq = worklist.seq),
        doubts = (SELECT {_doubts("jobs.report")} FROM jobs WHERE jobs.seq = worklist.seq)
        WHERE state = 'succeeded'"""  # noqa: S608
    )
    op.execute(_measured("jobs", "FROM jobs WHERE state = 'succeeded'"))


def downgrade() -> None:
    for name, table in _TRIGGERS.items():
        op.execute(f"DROP TRIGGER {name}" + ("" if _on_sqlite() else f" ON {table}"))
    if not _on_sqlite():
        for name in _FUNCTIONS:
            op.execute(f"DROP FUNCTION {name}()")
    op.drop_index("worklist_by_suspicion", "worklist")
    op.create_index("worklist_by_warnings", "worklist", _BY_WARNINGS)
    for table in ("batch_reviews", "usual_sizes", "mask_sizes"):
        op.drop_table(table)
    for column in _COLUMNS:
        op.execute(f"ALTER TABLE worklist DROP COLUMN {column}")


def _on_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _model() -> tuple[Any, ...]:
    return (
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("model", sa.String(length=64), nullable=False),
        sa.Column("model_version", sa.Text(), nullable=False),
    )


def _tables() -> None:
    op.create_table(
        "mask_sizes",
        sa.Column("seq", _SERIAL, autoincrement=False, nullable=False),
        *_model(),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("unusual", sa.Integer()),
        sa.Column("sizes", _JSON, nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index(
        "mask_sizes_of_model",
        "mask_sizes",
        ["project", "model", "model_version", "accepted", "seq"],
    )
    unchecked = sa.text("unusual IS NULL")
    op.create_index(
        "mask_sizes_unchecked",
        "mask_sizes",
        ["seq"],
        sqlite_where=unchecked,
        postgresql_where=unchecked,
    )
    op.create_table(
        "usual_sizes",
        *_model(),
        sa.Column("figures", _JSON, nullable=False),
        sa.PrimaryKeyConstraint("project", "model", "model_version"),
    )
    op.create_table(
        "batch_reviews",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("idempotency_key", sa.Text()),
        sa.Column("request", sa.String(length=64), nullable=False),
        sa.Column("outcomes", _JSON, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project", "idempotency_key", name="batch_reviews_once_per_key"),
    )
    op.create_index("batch_reviews_old", "batch_reviews", ["created_at"])


def _newest(job: str) -> str:
    """The id of the newest review of a job that counts; NULL without one."""
    return (
        f"(SELECT reviews.id FROM reviews WHERE reviews.job = {job} "  # noqa: S608
        "AND reviews.withdrawn_at IS NULL ORDER BY reviews.seq DESC LIMIT 1)"
    )


def _doubts(report: str) -> str:
    """The number of doubts in a report; 0 for one that has no list of them."""
    if _on_sqlite():
        return f"coalesce(json_array_length({report}, '$.doubts'), 0)"
    doubts = f"{report} -> 'doubts'"
    return f"CASE json_typeof({doubts}) WHEN 'array' THEN json_array_length({doubts}) ELSE 0 END"


def _sizes(report: str) -> str:
    """A list of [value, name, size, unit], one for each label of a report."""
    if _on_sqlite():
        ml, mm2, px, voxels = (
            f"json_extract(value, '$.{name}')"
            for name in ("volume_ml", "area_mm2", "area_px", "voxels")
        )
        pick = "json_extract(value, '$.value'), json_extract(value, '$.name')"
        rows = f"json_each({report}, '$.measurements.labels') WHERE type = 'object'"
        collect, build = "json_group_array", "json_array"
    else:
        labels = f"{report} #> '{{measurements,labels}}'"
        array = f"CASE json_typeof({labels}) WHEN 'array' THEN {labels} ELSE '[]' END"
        ml, mm2, px, voxels = (
            f"(one ->> '{name}')" for name in ("volume_ml", "area_mm2", "area_px", "voxels")
        )
        pick = "one ->> 'value', one ->> 'name'"
        rows = f"json_array_elements({array}) AS one WHERE json_typeof(one) = 'object'"
        collect, build = "json_agg", "json_build_array"
    size = f"coalesce({ml}, {mm2}, {px}, {voxels})"
    unit = (
        f"CASE WHEN {ml} IS NOT NULL THEN 'ml' WHEN {mm2} IS NOT NULL THEN 'mm2' "
        f"WHEN {px} IS NOT NULL THEN 'px' ELSE 'voxels' END"
    )
    listed = f"(SELECT {collect}({build}({pick}, {size}, {unit})) FROM {rows})"  # noqa: S608
    return f"coalesce({listed}, '[]')"


def _measured(job: str, rows: str) -> str:
    """Stores the sizes of a job, or of many; they are compared with the usual ones later."""
    return (
        "INSERT INTO mask_sizes (seq, project, model, model_version, accepted, sizes) "
        f"SELECT {job}.seq, {job}.project, {job}.model, {job}.model_version, "
        f"coalesce({job}.verdict, '') = 'accepted', {_sizes(f'{job}.report')} {rows}"
    )


def _list_doubts() -> str:
    return f"""
        UPDATE worklist SET unusual = 0, unusual_sizes = NULL,
        doubts = CASE WHEN NEW.state = 'succeeded' THEN {_doubts("NEW.report")} ELSE 0 END
        WHERE seq = NEW.seq;
        DELETE FROM mask_sizes WHERE seq = NEW.seq;
        {_measured("NEW", "WHERE NEW.state = 'succeeded'")};"""  # noqa: S608


_JUDGE = """
    UPDATE mask_sizes SET accepted = coalesce(NEW.verdict, '') = 'accepted', unusual = NULL
    WHERE seq = NEW.seq AND accepted <> (coalesce(NEW.verdict, '') = 'accepted');"""
_DELETED = "DELETE FROM mask_sizes WHERE seq = OLD.seq;"
_ENDS = "NEW.state <> OLD.state AND 'succeeded' IN (NEW.state, OLD.state)"
_WITHDRAWN = "UPDATE OF withdrawn_at ON reviews"


def _list_newest(job: str) -> str:
    return f"""
        UPDATE worklist SET review = {_newest(job)}
        WHERE seq = (SELECT seq FROM jobs WHERE id = {job});"""  # noqa: S608


def _sqlite_triggers() -> None:
    for name, event, body in (
        ("worklist_doubted", f"UPDATE OF state ON jobs WHEN {_ENDS}", _list_doubts()),
        ("sizes_judged", "UPDATE OF verdict ON jobs", _JUDGE),
        ("sizes_deleted", "DELETE ON jobs", _DELETED),
        ("worklist_newest_review", "INSERT ON reviews", _list_newest("NEW.job")),
        ("worklist_newest_withdrawn", _WITHDRAWN, _list_newest("NEW.job")),
        ("worklist_newest_deleted", "DELETE ON reviews", _list_newest("OLD.job")),
    ):
        op.execute(f"CREATE TRIGGER {name} AFTER {event} BEGIN {body} END")


def _postgres_triggers() -> None:
    job = "coalesce(NEW.job, OLD.job)"
    locked = f"PERFORM 1 FROM jobs WHERE id = {job} FOR NO KEY UPDATE;"
    bodies = (_list_doubts(), _JUDGE, _DELETED, locked + _list_newest(job))
    for name, body in zip(_FUNCTIONS, bodies, strict=True):
        op.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ "
            f"BEGIN {body} RETURN NULL; END $$"
        )
    for name, event, condition, function in (
        ("worklist_doubted", "UPDATE OF state ON jobs", f"WHEN ({_ENDS})", "list_doubts"),
        ("sizes_judged", "UPDATE OF verdict ON jobs", "", "judge_sizes"),
        ("sizes_deleted", "DELETE ON jobs", "", "delete_sizes"),
        ("worklist_newest_review", "INSERT ON reviews", "", "list_newest_review"),
        ("worklist_newest_withdrawn", _WITHDRAWN, "", "list_newest_review"),
        ("worklist_newest_deleted", "DELETE ON reviews", "", "list_newest_review"),
    ):
        op.execute(
            f"CREATE TRIGGER {name} AFTER {event} FOR EACH ROW {condition} "
            f"EXECUTE FUNCTION {function}()"
        )
