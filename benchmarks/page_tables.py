"""The tables of docs/benchmarks.md about the review page."""

from collections import defaultdict
from typing import Any

from markdown_table import markdown

Record = dict[str, Any]


def worklist(record: Record) -> list[str]:
    """The worklist with many jobs: the page, and the gateway's part of it."""
    head = (
        "| database | jobs | first rows, s | another filter, ms | slowest filter, ms "
        "| longest task while scrolling, ms | slowest page of the gateway, ms |"
    )
    rows = [
        (
            row["database"],
            f"{row['jobs']:,}",
            f"{row['first_rows_s']:.2f}",
            f"{row['filter_change_ms']}",
            f"{row['slowest_filter_change_ms']}",
            f"{row['longest_task_ms'] or 'under 50'}",
            f"{row['slowest_page_ms']:.0f}",
        )
        for row in record["rows"]
    ]
    return markdown(head, rows)


def viewer(record: Record) -> list[str]:
    """A large head, then many scans: seconds and memory."""
    head = "| scans opened | s of the last one | heap, MB | page, MB | graphics, MB | contexts |"
    names = ("heap_mb", "page_mb", "graphics_mb", "contexts")
    rows = [
        (str(row["scans"]), f"{row['seconds']:.1f}", *(str(row[name]) for name in names))
        for row in record["rows"]
    ]
    return markdown(head, rows)


def painting(record: Record) -> list[str]:
    """Frames a second of each brush, then memory over many strokes."""
    brushes = [
        (
            f"{row['plane']}, {row['brush']}",
            f"{row['own_ms']:.1f}",
            f"{row['worst_ms']:.0f}",
            str(row["fps"]),
            f"{row['upload_kb']:,}",
        )
        for row in record["rows"]
        if "brush" in row
    ]
    memory = [
        (f"{row['strokes']:,}", *(str(row[name]) for name in ("heap_mb", "page_mb", "graphics_mb")))
        for row in record["rows"]
        if "strokes" in row
    ]
    head = (
        "| plane, brush | own ms a frame | longest task, ms | frames a second "
        "| upload a frame, kB |"
    )
    return [
        *markdown(head, brushes),
        "",
        *markdown("| strokes | heap, MB | page, MB | graphics, MB |", memory),
    ]


def draft_kills(record: Record) -> list[str]:
    """What each kind of fault cost."""
    kinds: dict[str, list[Record]] = defaultdict(list)
    for row in record["rows"]:
        kinds[row["fault"]].append(row)
    head = "| fault | times | strokes | lost | age of the oldest lost one, s |"
    rows = [
        (
            kind,
            str(len(found)),
            str(sum(row["strokes"] for row in found)),
            str(sum(row["lost"] for row in found)),
            f"{max(row['lost_s'] for row in found):.2f}",
        )
        for kind, found in sorted(kinds.items())
    ]
    return markdown(head, rows)
