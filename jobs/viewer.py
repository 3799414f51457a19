"""A viewer: a page on which somebody has a job open."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Viewer:
    """A page that shows a job. It informs other readers, and never blocks them."""

    id: str
    """Chosen by the page."""
    reader: str
    """Name of the reader; empty if it is not known."""
    since: float
    """When the page opened the job."""
