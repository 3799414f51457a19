"""A worker as it announces itself to the others."""

from dataclasses import dataclass
from enum import StrEnum


class WorkerState(StrEnum):
    """What a worker is about to do."""

    STARTING = "starting"
    """It takes jobs soon."""
    READY = "ready"
    """It runs a job or waits for one."""
    DRAINING = "draining"
    """It ends; the job that it runs is its last one."""


@dataclass(frozen=True, slots=True)
class AnnouncedWorker:
    """A running worker. Times are seconds since the epoch."""

    name: str
    """As in `Job.worker`."""
    queues: tuple[str, ...]
    """The queues that it takes jobs from."""
    version: str
    """Tessera's version."""
    state: WorkerState
    started_at: float
    waiting_for: str | None = None
    """The part of the installation that it waits for, so that it takes no job: an `errors.Part`."""
    revision: str | None = None
    """The newest revision of the database's schema that its code knows."""
    trains: bool = False
    """Whether it runs trainings, too."""
    seen_at: float = 0.0
    """When it last announced itself, by the clock of the database."""

    def serves(self, queue: str) -> bool:
        """Whether it will take jobs from this queue."""
        return self.state is not WorkerState.DRAINING and queue in self.queues
