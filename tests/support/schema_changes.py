"""What a migration takes away from code of earlier versions, found by comparing the tables before
and after it."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Inspector, String, inspect, text

_TRIGGERS = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
}


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of a database: columns by name, and constraints."""

    columns: dict[str, dict[str, dict[str, Any]]]
    unique: dict[str, set[frozenset[str]]]
    foreign: dict[str, set[str]]
    checks: dict[str, set[str]]
    triggers: set[str]


def tables_of(connection: Connection) -> Tables:
    inspector: Inspector = inspect(connection)
    names = [name for name in inspector.get_table_names() if name != "alembic_version"]

    def unique(table: str) -> set[frozenset[str]]:
        found = [frozenset(c["column_names"]) for c in inspector.get_unique_constraints(table)]
        indexes = [i for i in inspector.get_indexes(table) if i["unique"]]
        found += [frozenset(filter(None, index["column_names"])) for index in indexes]
        return {*found, frozenset(inspector.get_pk_constraint(table)["constrained_columns"])}

    return Tables(
        {t: {c["name"]: dict(c) for c in inspector.get_columns(t)} for t in names},
        {t: unique(t) for t in names},
        {t: {str(k["constrained_columns"]) for k in inspector.get_foreign_keys(t)} for t in names},
        {t: {k["sqltext"] for k in inspector.get_check_constraints(t)} for t in names},
        set(connection.execute(text(_TRIGGERS[connection.dialect.name])).scalars()),
    )


def contractions(before: Tables, after: Tables) -> list[str]:
    """In words, what earlier code may stumble over; empty if the change only expands."""
    found = [f"trigger {name} is dropped" for name in sorted(before.triggers - after.triggers)]
    for table, columns in before.columns.items():
        if table not in after.columns:
            found.append(f"table {table} is dropped or renamed")
            continue
        found += _of_columns(table, columns, after.columns[table])
        found += [
            f"{table}: {', '.join(sorted(new))} must be unique"
            for new in after.unique[table] - before.unique[table]
            if not any(old <= new for old in before.unique[table])
        ]
        old_names = set(columns)
        found += [
            f"{table}: {key} must exist elsewhere"
            for key in sorted(after.foreign[table] - before.foreign[table])
            if any(f"'{name}'" in key for name in old_names)
        ]
        found += [
            f"{table}: new check {check}"
            for check in sorted(after.checks[table] - before.checks[table])
        ]
    return found


def _of_columns(
    table: str, before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]
) -> list[str]:
    found = []
    for name, old in before.items():
        new = after.get(name)
        if new is None:
            found.append(f"{table}.{name} is dropped or renamed")
        elif old["nullable"] and not new["nullable"]:
            found.append(f"{table}.{name} becomes NOT NULL")
        elif not _holds(new["type"], old["type"]):
            found.append(f"{table}.{name} is {new['type']} instead of {old['type']}")
        elif old["default"] is not None and new["default"] is None and not new["nullable"]:
            found.append(f"{table}.{name} loses its default")
    found += [
        f"{table}.{name} is new and NOT NULL without a default"
        for name in sorted(after.keys() - before.keys())
        if not after[name]["nullable"] and after[name]["default"] is None
    ]
    return found


def _holds(new: Any, old: Any) -> bool:
    """Whether each value of the old type fits in the new one."""
    if isinstance(new, String) and isinstance(old, String):
        return new.length is None or (old.length is not None and new.length >= old.length)
    wider = {"INTEGER": {"BIGINT"}, "SMALLINT": {"INTEGER", "BIGINT"}}
    return str(new) == str(old) or str(new) in wider.get(str(old), set())
