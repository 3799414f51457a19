"""Figures of the whole service, as the database knows them: the same from every gateway."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jobs.announced_worker import AnnouncedWorker
from jobs.delivery import DeliveryCount
from jobs.job import JobState

RUN_BOUNDS_S = (0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
"""Upper bounds of the durations of jobs that are counted together; migration 0010 has them, too."""


@dataclass(frozen=True, slots=True)
class WaitingJobs:
    """The jobs of a project that wait in one queue for one model."""

    project: str
    model: str
    queue: str
    jobs: int
    seconds: float | None
    """What one worker needs for them; None if the model was not measured yet."""
    oldest_s: float
    """How long ago the oldest of them was submitted."""


@dataclass(frozen=True, slots=True)
class Runs:
    """Claims of jobs that ended alike, added up since the tallies began."""

    model: str
    queue: str
    outcome: str
    """succeeded, failed, cancelled, or returned: to the queue."""
    kind: str
    """Of the error, as in its `type`; empty without one."""
    device: str
    precision: str
    """Both are those of the report; empty without one."""
    bucket_s: float
    """The first of RUN_BOUNDS_S that is not less than the duration; more than all of them if it was
    longer."""
    number: int
    seconds: float
    tiles: int
    network_s: float
    """Of `seconds`: in which a network computed."""


@dataclass(frozen=True, slots=True)
class StoredScans:
    """The scans of a project."""

    project: str
    scans: int
    bytes: int
    """Of their files. A file that two projects have counts twice."""


@dataclass(frozen=True, slots=True)
class CommitmentCount:
    """How many deliveries to one destination are in one state of storage commitment."""

    destination: str
    state: str
    count: int


@dataclass(frozen=True, slots=True)
class ServiceFigures:
    """All figures at one moment."""

    jobs: Mapping[JobState, int]
    preparing: int
    """Running jobs that wait until their network is prepared."""
    waiting: Sequence[WaitingJobs]
    runs: Sequence[Runs]
    scans: Sequence[StoredScans]
    deliveries: Sequence[DeliveryCount]
    commitments: Sequence[CommitmentCount]
    workers: Sequence[AnnouncedWorker]
    """Those that are not lost."""
    trainings: Mapping[JobState, int]
