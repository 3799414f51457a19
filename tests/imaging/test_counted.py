"""Counts in texts."""

import pytest

from imaging.counted import counted


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 cases are"), (1, "1 case is"), (1200, "1,200 cases are")]
)
def test_one_is_singular(count: int, text: str) -> None:
    assert counted(count, "case is", "cases are") == text
    assert counted(count, "case") == text.rsplit(" ", 1)[0]
