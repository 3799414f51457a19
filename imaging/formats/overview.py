"""One row per format, for the API's list of formats and for the table in the documentation.

`python -m imaging.formats.overview` prints the table as Markdown.
"""

from dataclasses import dataclass
from typing import Literal

from imaging.formats import registry
from imaging.formats.format import FileFormat, MaskFormat, ReportFormat, ResultFormat, ScanFormat

_KINDS = {2: "images", 3: "volumes"}


@dataclass(frozen=True, slots=True)
class FormatOverview:
    """What a format, by its name, is used for."""

    name: str
    title: str
    endings: tuple[str, ...]
    media_type: str
    scan_dimensions: tuple[int, ...]
    """Scans that are read from it: 2 for images, 3 for volumes; empty if none are."""
    mask_dimensions: tuple[int, ...]
    """Masks that are written in it, by the dimension of their scan; empty if none are."""
    report: bool
    """Whether reports are written in it."""
    scan_format: str | None
    """The format that the scan of a result must have; None: any."""
    delivery: Literal["default", "on request"] | None
    """Whether it can be sent to a PACS."""


def overview() -> list[FormatOverview]:
    """All formats, sorted by title."""
    formats: list[FileFormat] = [*registry.SCAN_FORMATS, *registry.result_formats()]
    by_name: dict[str, list[FileFormat]] = {}
    for one in formats:
        by_name.setdefault(one.name, []).append(one)
    rows = [_row(same) for same in by_name.values()]
    return sorted(rows, key=lambda row: row.title.lower())


def markdown() -> str:
    """The table of formats for the documentation."""
    lines = [
        "| format | `--format`, `?format=` | endings | read | written |",
        "|---|---|---|---|---|",
    ]
    for row in overview():
        endings = ", ".join(f"`{ending}`" for ending in row.endings)
        option = f"`{row.name}`" if row.mask_dimensions or row.report else ""
        read = ", ".join(_KINDS[n] for n in row.scan_dimensions)
        lines.append(f"| {row.title} | {option} | {endings} | {read} | {_written(row)} |")
    return "\n".join(lines) + "\n"


def _row(same: list[FileFormat]) -> FormatOverview:
    """The overview of the formats of one name: a scan format, a mask format or both, or a report
    format."""
    first = same[0]
    result = next((one for one in same if isinstance(one, ResultFormat)), None)
    return FormatOverview(
        name=first.name,
        title=first.title,
        endings=first.endings,
        media_type=first.media_type,
        scan_dimensions=next((one.dimensions for one in same if isinstance(one, ScanFormat)), ()),
        mask_dimensions=next((one.dimensions for one in same if isinstance(one, MaskFormat)), ()),
        report=any(isinstance(one, ReportFormat) for one in same),
        scan_format=result.scan_format if result else None,
        delivery=result.delivery if result else None,
    )


def _written(row: FormatOverview) -> str:
    kinds = [f"masks of {' and '.join(_KINDS[n] for n in row.mask_dimensions)}"]
    if not row.mask_dimensions:
        kinds = ["reports"] if row.report else []
    titles = {one.name: one.title for one in registry.SCAN_FORMATS}
    if row.scan_format:
        kinds.append(f"for {titles[row.scan_format]} scans")
    return ", ".join(kinds)


if __name__ == "__main__":
    print(markdown(), end="")  # noqa: T201 - this is the command
