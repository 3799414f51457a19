"""Parts of Markdown pages: tables and text that may hold any character."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table without its empty columns; cells are Markdown. Empty where there are no rows."""
    columns = [(name, *cells) for name, *cells in zip(head, *rows, strict=True) if any(cells)]
    if not columns:
        return []
    first, *rest = ["| " + " | ".join(map(_cell, row)) + " |" for row in zip(*columns, strict=True)]
    return [first, "|" + "---|" * len(columns), *rest, ""]


def sentence(text: str) -> str:
    """A text on one line, without the line breaks of the source."""
    return " ".join(text.split())


def code(text: object) -> str:
    """Inline code; nothing for an empty text."""
    return f"`{text}`" if str(text) else ""


def _cell(text: str) -> str:
    return sentence(text).replace("|", "\\|")
