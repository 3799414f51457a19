"""The page of settings, made from `jobs/settings.py`."""

import types
from pathlib import Path
from typing import Any, get_args

from md import code, sentence, table
from pydantic.fields import FieldInfo

from jobs.settings import Settings

GROUPS = (
    (
        "Storage",
        (
            "data",
            "database_url",
            "broker_url",
            "blob_url",
            "s3_",
            "models",
            "cache",
            "blob_grace_s",
        ),
    ),
    (
        "Gateway",
        ("host", "port", "behind_proxy", "allowed_", "upload_bytes", "max_", "inflated_bytes"),
    ),
    ("DICOM network", ("dicom_", "routing_table")),
    ("MONAI Label", ("monai_label_",)),
    ("Jobs", ("lease_s", "attempts", "stall_s", "sweep_s", "visibility_s")),
    ("Workers", ("device", "memory_bytes", "threads", "together", "model_bytes")),
)
"""Headings and the settings under them, by name or by the beginning of it (`s3_`)."""
KINDS = {int: "whole number", float: "number", bool: "`true` or `false`", str: "text", Path: "path"}
UNITS = {"_bytes": "bytes", "_s": "seconds"}
BINARY = {1 << 40: "TiB", 1 << 30: "GiB", 1 << 20: "MiB"}
INTRODUCTION = """# Settings

Every setting is an environment variable. Gateway and workers read them when they start; a
value that is not valid stops the start with a message. A list is separated by commas.

Options of the [command line](cli.md) take precedence over settings.
"""


def page() -> str:
    """Markdown: one table a group. Raises ValueError for a setting that no group takes in."""
    fields = Settings.model_fields
    lines = [INTRODUCTION]
    left = set(fields)
    for title, starts in GROUPS:
        names = [n for n in fields if n in left and any(_begins(n, start) for start in starts)]
        left -= set(names)
        lines += [
            f"## {title}",
            "",
            *table(("variable", "default", "value", "description"), map(_row, names)),
        ]
    if left:
        raise ValueError(f"settings_page.GROUPS has no group for {sorted(left)}")
    return "\n".join(lines)


def _begins(name: str, start: str) -> bool:
    return name.startswith(start) if start.endswith("_") else name == start


def _row(name: str) -> tuple[str, str, str, str]:
    field = Settings.model_fields[name]
    return (
        code(f"TESSERA_{name.upper()}"),
        _default(field),
        _kind(field),
        sentence(field.description or ""),
    )


def _default(field: FieldInfo) -> str:
    value = field.default
    if value in (None, "", ()):
        return "empty"
    if isinstance(value, bool):
        return code(str(value).lower())
    if isinstance(value, tuple):
        return code(",".join(value))
    for size, unit in BINARY.items():
        if isinstance(value, int) and value >= size and value % size == 0:
            return f"{value // size} {unit}" if "bytes" in _unit_of(field) else f"{value:,}"
    return code(value)


def _unit_of(field: FieldInfo) -> str:
    (name,) = [name for name, other in Settings.model_fields.items() if other is field]
    return next((unit for end, unit in UNITS.items() if name.endswith(end)), "")


def _kind(field: FieldInfo) -> str:
    kind = _plain(field.annotation)
    unit = _unit_of(field)
    words = ["list" if kind is tuple else KINDS.get(kind, "text")]
    if unit:
        words.append(f"of {unit}" if unit == "bytes" else f"({unit})")
    limits = [
        f"{sign} {getattr(rule, attribute):g}"
        for rule in field.metadata
        for attribute, sign in (("ge", "≥"), ("gt", ">"), ("le", "≤"))
        if hasattr(rule, attribute)
    ]
    return " ".join(words) + (", " + ", ".join(limits) if limits else "")


def _plain(annotation: Any) -> Any:
    if isinstance(annotation, types.UnionType):
        return next(part for part in get_args(annotation) if part is not type(None))
    return getattr(annotation, "__origin__", annotation)
