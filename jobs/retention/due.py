"""Things whose time is over."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class DueJob:
    """A job that goes with a scan."""

    bytes: int
    at: float
    """When it ended, in seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Due:
    """A scan, a job, a preview, a draft, or files of the data folder."""

    id: str
    bytes: int
    """As in `Tally`; of the jobs that go with it, nothing is included."""
    at: float
    """From when on its time was counted, in seconds since the epoch."""
    job: str = ""
    """The job that it is or belongs to: gone if that is gone."""
    jobs: Mapping[str, DueJob] = field(default_factory=dict)
    """By id: those that go with a scan."""
