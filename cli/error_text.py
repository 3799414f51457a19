"""Errors as commands print them: each part on a line of its own, with the labels of the page."""

import click

from cli.exit_status import ERROR_PREFIX
from imaging.errors import TesseraError

DETAIL_INDENT = "  "
"""Beginning of the lines that follow the first."""


def parts_of(error: Exception) -> list[str]:
    """What is wrong, what was expected and what to do, as far as the error says it."""
    if not isinstance(error, TesseraError):
        return [str(error)]
    labelled = (("Expected", error.expected), ("What to do", error.hint))
    return [error.detail, *(f"{label}: {text}" for label, text in labelled if text)]


def print_error(error: Exception, about: str = "") -> None:
    """Prints an error to stderr; `about`: what it is about, such as the name of a file."""
    first, *others = parts_of(error)
    lines = [f"{ERROR_PREFIX}{about and f'{about}: '}{first}"]
    lines += [f"{DETAIL_INDENT}{part}" for part in others]
    click.echo("\n".join(lines), err=True)
