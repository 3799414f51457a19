"""The page of all metrics states those of the code."""

from tests.support.metrics_table import PAGE, page


def test_the_page_has_the_tables_of_the_code() -> None:
    """If it has not, run `python -m tests.support.metrics_table`."""
    assert PAGE.read_text() == page()
