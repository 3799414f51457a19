"""Training status: a training, and whether a worker can run it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from jobs.announced_worker import WorkerState
from jobs.job import JobState
from jobs.repository import Trainings, Workers
from jobs.training import Training
from service.use_cases.watcher import Watcher


@dataclass(frozen=True, slots=True)
class TrainingStatus:
    """A training as lists show it."""

    training: Training
    no_worker: bool
    """It waits, and no running worker can train."""


@dataclass(frozen=True, slots=True)
class TrainingStatuses:
    """Reads training statuses."""

    trainings: Trainings
    workers: Workers

    def get(self, project: str, training_id: str) -> TrainingStatus:
        """The status of the project's training; raises NotFound."""
        return self.of(self.trainings.get(project, training_id))

    def of(self, training: Training) -> TrainingStatus:
        """The status of a training that was read already."""
        return self.of_all([training])[0]

    def of_all(self, trainings: Sequence[Training]) -> list[TrainingStatus]:
        """The statuses of several trainings, with one look at the workers."""
        waits = {one.id for one in trainings if one.state is JobState.QUEUED}
        unserved = bool(waits) and not self.any_worker()
        return [TrainingStatus(one, unserved and one.id in waits) for one in trainings]

    def any_worker(self) -> bool:
        """Whether a running worker can train."""
        running = self.workers.running()
        return any(one.trains and one.state is not WorkerState.DRAINING for one in running)


@dataclass(slots=True)
class TrainingChanges:
    """Looks at trainings again and again; for one thread at a time."""

    statuses: TrainingStatuses
    _known: dict[str, TrainingStatus] = field(default_factory=dict)

    def look(self, ids: Collection[str], anew: Collection[str]) -> dict[str, TrainingStatus | None]:
        """Those of these trainings that have changed, and those in `anew`; None: deleted."""
        found = self.statuses.of_all(self.statuses.trainings.many(ids))
        now = {one.training.id: one for one in found}
        before, self._known = self._known, now
        changed = {
            name: one for name, one in now.items() if name in anew or before.get(name) != one
        }
        return {**changed, **dict.fromkeys(set(ids) - now.keys())}


class TrainingWatcher(Watcher[TrainingStatus]):
    """The watcher of followed trainings."""

    def __init__(self, changes: TrainingChanges) -> None:
        super().__init__("trainings", changes.look)
