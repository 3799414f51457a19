"""The tables of formats."""

from imaging.formats.overview import markdown


def formats() -> list[str]:
    """Scans, masks and reports, from their registry."""
    return [markdown()]
