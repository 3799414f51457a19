"""The patches of the contributing pages still apply after somebody adds something beside them."""

from pathlib import Path

import pytest

from tests.support.documented_patch import code_blocks, inserted

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "contributing").glob("add-*.md"))
DIFFS = [
    pytest.param(path, code, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, (path, kind, code) in enumerate(code_blocks(page.read_text()))
    if kind == "diff"
]


@pytest.mark.parametrize(("path", "diff"), DIFFS)
def test_a_patch_applies_beside_another_addition(path: str, diff: str) -> None:
    """Each inserts at one line: other lines may be added directly before and after that line."""
    added = [line[1:] for line in diff.splitlines() if line.startswith("+")]
    anchor = next(line for line in diff.splitlines() if not line.startswith("+"))
    others = f"+# added before\n{anchor}\n+# added after\n"
    text = inserted((ROOT / path).read_text(), others)
    lines = inserted(text, diff).splitlines()
    assert all(line in lines for line in ("# added before", "# added after", *added))
    assert [line for line in lines if line not in added] == text.splitlines()


@pytest.mark.parametrize(
    ("text", "diff"),
    [("a\nb\n", " c\n+d\n"), ("a\na\n", " a\n+b\n"), ("a\nb\n", " a\n b\n+c\n"), ("a\n", "-a\n")],
    ids=["no-anchor", "two-anchors", "two-context-lines", "removal"],
)
def test_a_patch_that_does_not_fit_is_refused(text: str, diff: str) -> None:
    with pytest.raises(ValueError):
        inserted(text, diff)


def test_pages_have_patches() -> None:
    assert len(PAGES) == 5
    assert len(DIFFS) >= 8
