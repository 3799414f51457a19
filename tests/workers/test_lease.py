"""A heartbeat goes on whatever it meets."""

from typing import Any

import pytest

from inference.cancellation import CancelToken
from jobs.job import Job, Progress
from jobs.repository import Database, Leases
from workers.lease import Lease
from workers.shutdown import Shutdown


class Faulty(Leases):
    """Fails as no known error does, the first few times."""

    faults = 3

    def renew(self, job_id: str, fence: int, lease_s: float, progress: Progress) -> bool:
        if self.faults:
            self.faults -= 1
            raise ValueError("not one of ours")
        return super().renew(job_id, fence, lease_s, progress)


def test_a_fault_ends_no_heartbeat(idle_cluster: Any, caplog: pytest.LogCaptureFixture) -> None:
    idle_cluster.ask("job", send=0)
    database, token = Database(idle_cluster.settings.database), CancelToken()
    leases = Faulty(database)
    job: Job | None = leases.claim("job", "w", 60)
    assert job is not None
    with Lease(leases, job, idle_cluster.settings, token, Shutdown()) as lease:
        lease.on_tile(1, 2)
        idle_cluster.until(lambda: idle_cluster.job("job").progress.tiles_done == 1)
        lease.on_tile(2, 2)
        idle_cluster.until(lambda: idle_cluster.job("job").progress.tiles_done == 2)
        assert lease.end()
    assert caplog.text.count("an error in its heartbeat") == 3
    assert not token.cancelled
    database.close()


def test_a_preparation_is_stored_until_it_ends(idle_cluster: Any) -> None:
    idle_cluster.ask("job", send=0)
    database = Database(idle_cluster.settings.database)
    leases = Leases(database)
    job = leases.claim("job", "w", 60)
    assert job is not None

    def stored() -> Progress:
        return idle_cluster.job("job").progress

    assert stored() == Progress()
    with Lease(leases, job, idle_cluster.settings, CancelToken(), Shutdown()) as lease:
        lease.on_preparing(True)
        idle_cluster.until(lambda: stored() == Progress(preparing=True))
        lease.on_preparing(False)
        idle_cluster.until(lambda: stored() == Progress())
        lease.on_preparing(True)
        idle_cluster.until(lambda: stored().preparing)
    idle_cluster.repository.jobs.cancel("ada", "job")
    assert not stored().preparing
    database.close()
