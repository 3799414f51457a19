"""The page of format cases is what the cases give; each is compared with other software."""

from pathlib import Path

import pytest

from tests.support.format_cases.page import PAGE, SUBJECTS, section


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_page_is_what_the_files_give(tmp_path: Path, subject: str) -> None:
    """Else run `python -m tests.support.format_cases.page`, and read what changed."""
    assert section(subject, tmp_path) in PAGE.read_text()
