"""What holds for every Markdown page: width, and names that the code knows."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.settings.names import known_variables
from tests.support.processes import ROOT

PAGES = [
    *(path for path in sorted(ROOT.glob("*.md")) if path.name != "CHANGELOG.md"),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "requirements").glob("*.md")),
    ROOT / "client" / "README.md",
]
WIDTH = 100
FILE = re.compile(
    r"`((?:benchmarks|cli|client|docs|imaging|inference|jobs|models|requirements|scripts|service|tests|ui"
    r"|workers)/[\w./-]*[\w/])`"
)
IDS = [str(page.relative_to(ROOT)) for page in PAGES]


def prose(page: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines, without tables, blocks of code and what a benchmark's report writes."""
    skipped = False
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if line.lstrip().startswith(("```", "<!-- made from", "<!-- end -->")):
            skipped = not skipped
        elif not skipped and not line.lstrip().startswith("|"):
            yield number, line


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_lines_are_wrapped(page: Path) -> None:
    """At 100 characters; a link that is longer, and an image, stand alone in their line."""
    wide = [
        number
        for number, line in prose(page)
        if len(line) > WIDTH and not re.fullmatch(r"[\s\-*\d.]*!?\[[^\]]*\]\([^)]*\)[.,;:)]*", line)
    ]
    assert wide == []


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_files_that_are_named_are_there(page: Path) -> None:
    if page.parent.name == "contributing" and page.name.startswith("add-"):
        return  # their examples name files that a reader is to create
    named = [name for name in FILE.findall(page.read_text()) if "NAME" not in name]
    missing = [name for name in named if not (ROOT / name).exists()]
    built = {"service/static"}
    assert set(missing) - built == set()


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_settings_that_are_named_are_settings(page: Path) -> None:
    known = set(known_variables())
    named = set(re.findall(r"\bTESSERA_[A-Z0-9_]+\b", page.read_text()))
    assert named - known == set()


def test_numbers_of_decisions_are_unique() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    assert len(pages) >= 17
    numbers = [int(page.name[:4]) for page in pages]
    assert sorted(set(numbers)) == numbers
    for page, number in zip(pages, numbers, strict=True):
        assert re.match(rf"# 0*{number}[.:] \S", page.read_text()), page


def test_the_index_of_contributing_links_every_page() -> None:
    folder = ROOT / "docs" / "contributing"
    text = (folder / "index.md").read_text()
    others = [path.name for path in folder.glob("*.md") if path.name != "index.md"]
    assert len(others) > 3
    assert [name for name in others if f"]({name})" not in text] == []


def test_proxy_configurations_are_whole() -> None:
    """No test runs nginx: every directive of its example ends in its own line, every block too."""
    text = "\n".join(page.read_text() for page in PAGES)
    blocks = re.findall(r"```nginx\n(.*?)```", text, re.DOTALL)
    assert blocks
    for block in blocks:
        lines = [line.partition("#")[0].strip() for line in block.splitlines()]
        assert [line for line in lines if line and line[-1] not in ";{}"] == []
        assert block.count("{") == block.count("}") > 0
