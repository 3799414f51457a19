"""The tables of docs/reference/tiff.md are what a file of each case shows."""

from pathlib import Path

import pytest

from tests.support import tiff_table

PAGE = Path(__file__).parents[2] / "docs/reference/tiff.md"


@pytest.mark.parametrize("table", [tiff_table.samples, tiff_table.compressions])
def test_the_table_is_in_the_page(table: tiff_table.Table) -> None:
    """If it is not, put the output of `python -m tests.support.tiff_table` into the page."""
    assert "\n".join(table()) in PAGE.read_text()
