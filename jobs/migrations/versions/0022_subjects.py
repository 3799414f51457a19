"""The worklist shows whose scan it is, and of which day: the pseudonym and date of the corners.

The trigger that lists a job copies them from its first scan, for gateways of an earlier version
insert jobs, too.
"""

import sqlalchemy as sa
from alembic import op

revision = "0022_project"
down_revision = "0021_project"
branch_labels = None
depends_on = None

_ADDED = ("subject", "study_date")
_BEFORE = (
    "seq, project, state, verdict, reviewer, model, batch, modality, priority, created_at, "
    "warnings, scan_name, names"
)


def upgrade() -> None:
    op.add_column("worklist", sa.Column("subject", sa.Text()))
    op.add_column("worklist", sa.Column("study_date", sa.Text()))
    _replace_trigger(_ADDED)
    shown = ", ".join(
        f"{name} = (SELECT {_shown(name)} FROM jobs "  # noqa: S608
        "JOIN job_scans ON job_scans.job = jobs.id AND job_scans.position = 0 "
        "JOIN scans ON scans.id = job_scans.scan WHERE jobs.seq = worklist.seq)"
        for name in _ADDED
    )
    op.execute(
        f"""UPDATE worklist SET {shown} WHERE seq IN (
        SELECT jobs.seq FROM scans JOIN job_scans ON job_scans.scan = scans.id
        AND job_scans.position = 0 JOIN jobs ON jobs.id = job_scans.job
        WHERE scans.display IS NOT NULL)"""  # noqa: S608
    )


def downgrade() -> None:
    _replace_trigger(())
    for name in _ADDED:
        op.execute(f"ALTER TABLE worklist DROP COLUMN {name}")


def _on_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _shown(name: str) -> str:
    """A member of what is shown of a scan; NULL for one that is empty or missing."""
    if _on_sqlite():
        return f"nullif(json_extract(scans.display, '$.{name}'), '')"
    return f"nullif(scans.display ->> '{name}', '')"


def _list_job(added: tuple[str, ...]) -> str:
    """As in migration 0016: adds the row with the first scan; a further scan adds its name."""
    newline = "char(10)" if _on_sqlite() else "chr(10)"
    columns = ", ".join((_BEFORE, *added))
    values = ", ".join(
        (
            "jobs.seq, jobs.project, jobs.state, jobs.verdict, NULL, jobs.model, jobs.batch",
            "scans.modality, jobs.priority, jobs.created_at, 0, scans.name, scans.name",
            *map(_shown, added),
        )
    )
    return f"""
        INSERT INTO worklist ({columns}) SELECT {values} FROM jobs, scans
        WHERE NEW.position = 0 AND jobs.id = NEW.job AND scans.id = NEW.scan;
        UPDATE worklist
        SET names = names || {newline} || (SELECT name FROM scans WHERE id = NEW.scan)
        WHERE NEW.position > 0 AND seq = (SELECT seq FROM jobs WHERE id = NEW.job);"""  # noqa: S608


def _replace_trigger(added: tuple[str, ...]) -> None:
    body = _list_job(added)
    if _on_sqlite():
        op.execute("DROP TRIGGER worklist_scan_added")
        op.execute(f"CREATE TRIGGER worklist_scan_added AFTER INSERT ON job_scans BEGIN {body} END")
    else:
        op.execute(
            "CREATE OR REPLACE FUNCTION list_scan_added() RETURNS trigger LANGUAGE plpgsql AS $$ "
            f"BEGIN {body} RETURN NULL; END $$"
        )
