"""The page of cases: `python -m tests.support.format_cases.page` writes it."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from tests.support.format_cases.bits import BITS
from tests.support.format_cases.case import FormatCase
from tests.support.format_cases.headers import HEADERS
from tests.support.format_cases.padding import PADDING
from tests.support.format_cases.pyramids import PYRAMIDS
from tests.support.format_cases.units import UNITS

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "format-cases.md"
SUBJECTS: Mapping[str, Sequence[FormatCase]] = {
    "Units of length": UNITS,
    "Pixel padding": PADDING,
    "Samples and bits": BITS,
    "Pyramids": PYRAMIDS,
    "Headers": HEADERS,
}
_INTRODUCTION = """# Format cases

Each row is a kind of file that a test writes, opens and compares. In the column *result*, *read*
means that the scan is equal to what the last column names; *refused* and *warning* are followed by
the text that a user sees. [Formats](formats.md) has the details of each format.

This page is made from the tests by `python -m tests.support.format_cases.page`; a test fails if it
is out of date.
"""
_NOTES = {
    "Units of length": "Every file has voxels or pixels of 0.4 mm.",
    "Pixel padding": """Pixels that a scanner adds around the image become air, or the least real
value; networks and statistics leave them out. DICOM is the only format that can mark them.""",
    "Samples and bits": "The values of the scan are compared. For TIFF, see [TIFF](tiff.md).",
    "Pyramids": "The scan is the image in full resolution.",
    "Headers": "Unusual headers that the definitions of the formats allow, and damaged ones.",
}


def section(subject: str, folder: Path) -> str:
    """The table of one subject; every case is checked. `folder`: an empty one for the files."""
    rows = [
        (case.title, case.kind, case.variant, case.result(folder / f"{number}"), case.oracle)
        for number, case in enumerate(SUBJECTS[subject])
    ]
    lines = [f"## {subject}", "", _NOTES[subject], "", "| format | case | result | compared with |"]
    return "\n".join([*lines, "|---|---|---|---|", *_merged(rows)]) + "\n"


def _merged(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """One line for neighbours that differ in their variant alone."""
    for key, same in groupby(rows, lambda row: (row[0], row[1], row[3], row[4])):
        title, kind, result, oracle = key
        variants = "; ".join(row[2] for row in same if row[2])
        case = ": ".join(part for part in (kind, variants) if part)
        result = result.replace("|", "\\|").replace("*", "\\*")
        yield f"| {title} | {case} | {result} | {oracle if result.startswith('read') else ''} |"


def page() -> str:
    """The whole page."""
    with tempfile.TemporaryDirectory() as folder:
        sections = [section(name, Path(folder) / f"{at}") for at, name in enumerate(SUBJECTS)]
    return "\n".join([_INTRODUCTION, *sections])


if __name__ == "__main__":
    PAGE.write_text(page())
