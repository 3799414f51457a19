"""The table of formats."""

from md import code, table

from imaging.formats.mask_file import SUFFIXES


def formats() -> list[str]:
    """Formats of masks with the ending of their files."""
    return table(("format", "ending"), [(code(name), code(end)) for name, end in SUFFIXES.items()])
