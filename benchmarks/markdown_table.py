"""Markdown tables."""

from collections.abc import Sequence


def markdown(head: str, rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table. `head`: its first line."""
    line = "|" + "---|" * (head.count("|") - 1)
    return [head, line, *(f"| {' | '.join(row)} |" for row in rows)]
