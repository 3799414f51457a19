"""Usual sizes of labels, and the masks that differ from them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, null, select, update

from jobs.repository.database import Database
from jobs.repository.rows import Row
from jobs.repository.schema.job_tables import jobs
from jobs.repository.schema.worklist_tables import mask_sizes, size_unchecked, usual_sizes, worklist
from jobs.usual_sizes import NEWEST, UnusualSize, Usual, moved, sizes_of, unusual, usual

_AT_ONCE = 500
"""Masks that are compared in one transaction."""
_KEPT = 10
"""Unusual labels of a mask that are stored; all are counted."""
_KEY = ("project", "model", "model_version")
_Model = tuple[str, str, str]
_unchecked = select(mask_sizes).where(size_unchecked).order_by(mask_sizes.c.seq).limit(_AT_ONCE)


class UsualSizes:
    """Compares new masks with those that readers accepted, and older ones once these change."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def check(self) -> int:
        """Compares some masks that are due; returns how many there were, 0 if none was.

        Several processes may do so at once. It costs one look at an index if none is due.
        """
        with self._database.read() as connection:
            if connection.execute(_unchecked.limit(1)).first() is None:
                return 0
        with self._database.write() as connection:
            self._database.lock(connection, "usual sizes")
            rows = _locked(connection)
            groups: dict[_Model, list[Row]] = defaultdict(list)
            for row in rows:
                groups[(row["project"], row["model"], row["model_version"])].append(row)
            for model, of_model in groups.items():
                figures, changed = _figures(connection, model)
                _store_unusual(connection, of_model, figures)
                if changed:
                    _compare_again(connection, model)
            return len(rows)


def _locked(connection: Connection) -> list[Row]:
    """The masks that are due, with their jobs locked: a job is locked before its other rows.

    Jobs that another transaction has locked are left for the next time.
    """
    due = [row["seq"] for row in connection.execute(_unchecked).mappings()]
    lock = select(jobs.c.seq).where(jobs.c.seq.in_(due)).order_by(jobs.c.seq)
    lock = lock.with_for_update(key_share=True, skip_locked=True)
    free = connection.execute(lock).scalars().all()
    rows = select(mask_sizes).where(mask_sizes.c.seq.in_(free), size_unchecked)
    return list(connection.execute(rows).mappings())


def _figures(connection: Connection, model: _Model) -> tuple[Mapping[int, Usual], bool]:
    """The figures that apply, and whether they are new."""
    newest = select(mask_sizes.c.sizes).where(_is(mask_sizes, model), mask_sizes.c.accepted)
    rows = connection.execute(newest.order_by(mask_sizes.c.seq.desc()).limit(NEWEST)).scalars()
    now = usual([sizes_of(sizes) for sizes in rows])
    mine = _is(usual_sizes, model)
    stored = connection.execute(select(usual_sizes.c.figures).where(mine)).scalar_one_or_none()
    before = {int(label): Usual(**known) for label, known in (stored or {}).items()}
    if not moved(before, now):
        return before, False
    connection.execute(delete(usual_sizes).where(mine))
    figures = {str(label): asdict(known) for label, known in now.items()}
    row = dict(zip(_KEY, model, strict=True)) | {"figures": figures}
    connection.execute(insert(usual_sizes).values(row))
    return now, True


def _compare_again(connection: Connection, model: _Model) -> None:
    """Marks all masks of the model that nobody accepted: those that are judged are left."""
    mine = _is(mask_sizes, model) & ~mask_sizes.c.accepted
    connection.execute(update(mask_sizes).where(mine).values(unusual=None))


def _store_unusual(
    connection: Connection, rows: Iterable[Row], figures: Mapping[int, Usual]
) -> None:
    found = {row["seq"]: unusual(sizes_of(row["sizes"]), figures) for row in rows}
    usual_ones = [seq for seq, those in found.items() if not those]
    seq = worklist.c.seq.in_(usual_ones) & (worklist.c.unusual > 0)
    connection.execute(update(worklist).where(seq).values(unusual=0, unusual_sizes=null()))
    done = update(mask_sizes).where(mask_sizes.c.seq.in_(usual_ones))
    connection.execute(done.values(unusual=0))
    values = [
        {"of": seq, "number": len(those), "rows": [asdict(one) for one in those[:_KEPT]]}
        for seq, those in found.items()
        if those
    ]
    if values:
        number: Any = bindparam("number")
        listed = update(worklist).where(worklist.c.seq == bindparam("of"))
        shown = {"unusual": number, "unusual_sizes": bindparam("rows", type_=_json)}
        connection.execute(listed.values(shown), values)
        counted = update(mask_sizes).where(mask_sizes.c.seq == bindparam("of"))
        connection.execute(counted.values(unusual=number), values)


_json = worklist.c.unusual_sizes.type


def _is(table: Any, model: _Model) -> Any:
    project, name, version = model
    columns = table.c
    return (
        (columns.project == project) & (columns.model == name) & (columns.model_version == version)
    )


def unusual_of(stored: Any) -> tuple[UnusualSize, ...]:
    """The unusual sizes of a row of `worklist`."""
    return tuple(UnusualSize(**row) for row in stored or ())
