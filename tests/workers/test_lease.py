"""A heartbeat goes on whatever it meets."""

from typing import Any

import pytest

from inference.brake import Brake
from jobs.job import Job, Progress
from jobs.repository import Repository
from workers.lease import Lease


class Faulty(Repository):
    """Fails as no known error does, the first few times."""

    faults = 3

    def renew(self, id: str, fence: int, lease_s: float, progress: Progress) -> bool:  # noqa: A002
        if self.faults:
            self.faults -= 1
            raise ValueError("not one of ours")
        return super().renew(id, fence, lease_s, progress)


def test_a_fault_ends_no_heartbeat(quiet_house: Any, caplog: pytest.LogCaptureFixture) -> None:
    quiet_house.ask("job", send=0)
    repository, brake = Faulty(quiet_house.settings.database), Brake()
    job: Job | None = repository.leases.claim("job", "w", 60)
    assert job is not None
    with Lease(repository, job, quiet_house.settings, brake) as lease:
        lease.on_tile(1, 2)
        quiet_house.until(lambda: quiet_house.job("job").progress.tiles_done == 1)
        lease.on_tile(2, 2)
        quiet_house.until(lambda: quiet_house.job("job").progress.tiles_done == 2)
        assert lease.end()
    assert caplog.text.count("a fault in its heartbeat") == 3
    assert not brake.pulled
    repository.close()
