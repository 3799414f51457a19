"""Cells of CSV tables that a spreadsheet opens as what they are."""

_FORMULA = ("=", "+", "-", "@", "\t")
"""A spreadsheet takes a cell that begins with one of these for a formula, unless it is a number; an
apostrophe in front keeps it a text."""


def text_cell(text: str) -> str:
    """The text on one line (a carriage return would begin a row), and not as a formula."""
    line = " ".join(text.splitlines())
    is_formula = line.lstrip(" ")[:1] in _FORMULA and not _is_number(line)
    return f"'{line}" if is_formula else line


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
