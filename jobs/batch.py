"""A batch of jobs."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from jobs.job import JobState


@dataclass(frozen=True, slots=True)
class Batch:
    """Jobs that were requested together."""

    id: str
    project: str
    name: str
    created_at: float
    jobs: tuple[str, ...] = ()
    states: Mapping[JobState, int] = field(default_factory=dict)
