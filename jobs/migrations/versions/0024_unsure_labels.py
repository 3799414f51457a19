"""Shares of labels that a network is not sure of are compared like their sizes.

The trigger that copies the sizes of labels out of a report copies these shares, too: a row of
`mask_sizes.sizes` with the unit `share`, and the label's number below 0. Code of earlier versions
knows a row by its label alone; so it takes the two for rows of different labels.
"""

import sqlalchemy as sa
from alembic import op

revision = "0024_project"
down_revision = "0023_project"
branch_labels = None
depends_on = None

_ENDS = "NEW.state <> OLD.state AND 'succeeded' IN (NEW.state, OLD.state)"


def upgrade() -> None:
    _replace_trigger(shares=True)


def downgrade() -> None:
    op.execute(sa.text("DELETE FROM mask_sizes"))
    _replace_trigger(shares=False)
    op.execute(
        f"""INSERT INTO mask_sizes (seq, project, model, model_version, accepted, sizes)
        SELECT {_row("jobs", shares=False)} FROM jobs WHERE state = 'succeeded'"""  # noqa: S608
    )


def _on_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _doubts(report: str) -> str:
    """As in migration 0019."""
    if _on_sqlite():
        return f"coalesce(json_array_length({report}, '$.doubts'), 0)"
    doubts = f"{report} -> 'doubts'"
    return f"CASE json_typeof({doubts}) WHEN 'array' THEN json_array_length({doubts}) ELSE 0 END"


def _rows(report: str, *, shares: bool) -> str:
    """A list of [value, name, size, unit]: as in migration 0019, then the shares above 0."""
    sqlite = _on_sqlite()
    if sqlite:
        labels = f"json_each({report}, '$.measurements.labels') WHERE type = 'object'"
        build, collect = "json_array", "json_group_array(json(listed))"
    else:
        found = f"{report} #> '{{measurements,labels}}'"
        array = f"CASE json_typeof({found}) WHEN 'array' THEN {found} ELSE '[]' END"
        labels = f"json_array_elements({array}) AS one WHERE json_typeof(one) = 'object'"
        build, collect = "json_build_array", "json_agg(listed)"

    def of(name: str) -> str:
        return f"json_extract(value, '$.{name}')" if sqlite else f"(one ->> '{name}')"

    ml, mm2, px = of("volume_ml"), of("area_mm2"), of("area_px")
    size = f"coalesce({ml}, {mm2}, {px}, {of('voxels')})"
    unit = (
        f"CASE WHEN {ml} IS NOT NULL THEN 'ml' WHEN {mm2} IS NOT NULL THEN 'mm2' "
        f"WHEN {px} IS NOT NULL THEN 'px' ELSE 'voxels' END"
    )
    names = f"{of('value')}, {of('name')}"
    listed = f"SELECT {build}({names}, {size}, {unit}) AS listed FROM {labels}"  # noqa: S608
    if shares:
        share, number = of("unsure_share"), "'-' || " + of("value")
        row = f"{build}({number}, {of('name')}, {share}, 'share')"
        above = f"{share} NOT IN ('0', '0.0')" if not sqlite else f"{share} > 0"
        listed += f" UNION ALL SELECT {row} FROM {labels} AND {above}"  # noqa: S608
    return f"coalesce((SELECT {collect} FROM ({listed}) AS every), '[]')"  # noqa: S608


def _row(job: str, *, shares: bool) -> str:
    return (
        f"{job}.seq, {job}.project, {job}.model, {job}.model_version, "
        f"coalesce({job}.verdict, '') = 'accepted', {_rows(f'{job}.report', shares=shares)}"
    )


def _replace_trigger(*, shares: bool) -> None:
    body = f"""
        UPDATE worklist SET unusual = 0, unusual_sizes = NULL,
        doubts = CASE WHEN NEW.state = 'succeeded' THEN {_doubts("NEW.report")} ELSE 0 END
        WHERE seq = NEW.seq;
        DELETE FROM mask_sizes WHERE seq = NEW.seq;
        INSERT INTO mask_sizes (seq, project, model, model_version, accepted, sizes)
        SELECT {_row("NEW", shares=shares)} WHERE NEW.state = 'succeeded';"""  # noqa: S608
    if _on_sqlite():
        op.execute("DROP TRIGGER worklist_doubted")
        op.execute(
            f"CREATE TRIGGER worklist_doubted AFTER UPDATE OF state ON jobs WHEN {_ENDS} "
            f"BEGIN {body} END"
        )
    else:
        op.execute(
            "CREATE OR REPLACE FUNCTION list_doubts() RETURNS trigger LANGUAGE plpgsql AS $$ "
            f"BEGIN {body} RETURN NULL; END $$"
        )
