"""The tables of docs/benchmarks.md about encryption, the audit trail and projects."""

from collections import defaultdict
from typing import Any

from markdown_table import markdown

Record = dict[str, Any]


def at_rest(record: Record) -> list[str]:
    """Stores that are encrypted and that are not, and the parts alone."""
    units = {"mb_s": "MB/s", "ms": "ms"}

    def cell(row: dict[str, Any], kind: str) -> str:
        figures = [(row[f"{kind}_{unit}"], unit) for unit in units if f"{kind}_{unit}" in row]
        return "".join(f"{value:,.5g} {units[unit]}" for value, unit in figures) or "-"

    head = "| | not encrypted | encrypted | the part alone |"
    kinds = ("plain", "encrypted", "alone")
    rows = [(row["what"], *(cell(row, kind) for kind in kinds)) for row in record["rows"]]
    return markdown(head, rows)


def audit(record: Record) -> list[str]:
    """What the trail adds to requests, and many writers of one chain."""
    added = next(row for row in record["rows"] if "state_us" in row)
    requests = [
        (
            row["database"],
            row["request"],
            f"{row['off_ms']:.2f}",
            f"{row['on_ms']:.2f}",
            f"{row['on_ms'] / row['off_ms'] - 1:+.1%}",
            f"{row['on_cpu_ms'] / row['off_cpu_ms'] - 1:+.1%}",
        )
        for row in record["rows"]
        if "request" in row
    ]
    chains = [
        (
            row["database"],
            f"{row['events']:,}",
            f"{row['writers']} x {row['threads']}",
            f"{row['events'] / row['seconds']:,.0f}",
            f"{row['verified_s']:.1f}",
        )
        for row in record["rows"]
        if "writers" in row
    ]
    return [
        *markdown(
            "| database | request | without, ms | with, ms | time | processor |",
            requests,
        ),
        "",
        *markdown(
            "| database | events in one chain | processes x threads | events a second "
            "| verified in, s |",
            chains,
        ),
        "",
        f"The middleware itself adds {added['state_us']:.1f} µs to a request that is not recorded.",
    ]


def isolation(record: Record) -> list[str]:
    """How many requests tell by their time that an id exists."""
    databases: dict[str, list[Record]] = defaultdict(list)
    for row in record["rows"]:
        databases[row["database"]].append(row)
    head = "| database | requests | below p = 0.01 once | twice, with new times | smallest last p |"
    rows = [
        (
            name,
            str(len(found)),
            str(sum(row["p"][0] <= record["limit"] for row in found)),
            str(sum(row["p"][-1] <= record["limit"] for row in found)),
            f"{min(row['p'][-1] for row in found):.2g}",
        )
        for name, found in databases.items()
    ]
    return markdown(head, rows)
