"""The leases of a worker's jobs are renewed whatever the thread that does it meets."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from imaging.errors import Unavailable
from inference.cancellation import CancelToken
from jobs.job import Progress
from jobs.repository import Database, Held, Leases
from workers.job_lease import JobLease
from workers.lease_keeper import LeaseKeeper
from workers.shutdown import Shutdown


class Faulty(Leases):
    """Fails the first few times."""

    faults = 3
    error: Exception = ValueError("not one of ours")
    statements = 0

    def renew(self, progress: Mapping[Held, Progress], lease_s: float) -> None:
        self.statements += 1
        if self.faults:
            self.faults -= 1
            raise self.error
        super().renew(progress, lease_s)


class Kept:
    """Jobs a, b and c of a worker."""

    def __init__(self, cluster: Any) -> None:
        self.cluster, self._database = cluster, Database(cluster.settings.database)
        self.leases, self.shutdown = Faulty(self._database), Shutdown()
        self.keeper = LeaseKeeper(cluster.settings, self.shutdown)
        self.tokens = {name: CancelToken() for name in "abc"}
        self.of = {name: self._lease(name) for name in "abc"}

    def _lease(self, name: str) -> JobLease:
        self.cluster.ask(name, send=0)
        job = self.leases.claim(name, "w", 60)
        assert job is not None
        return JobLease(job, self.leases, self.cluster.settings, self.tokens[name])

    def tiles(self) -> dict[str, int]:
        """Done, as stored."""
        return {name: self.cluster.job(name).progress.tiles_done for name in "abc"}

    def close(self) -> None:
        self.keeper.close()
        self._database.close()


@pytest.fixture
def kept(idle_cluster: Any) -> Iterator[Kept]:
    kept = Kept(idle_cluster)
    yield kept
    kept.close()


def test_a_fault_ends_no_heartbeat(kept: Kept, caplog: pytest.LogCaptureFixture) -> None:
    lease = kept.of["a"]
    with kept.keeper.keeping(lease):
        lease.on_tile(1, 2)
        kept.cluster.until(lambda: kept.tiles()["a"] == 1)
        lease.on_tile(2, 2)
        kept.cluster.until(lambda: kept.tiles()["a"] == 2)
    assert caplog.text.count("an error in the heartbeat") == 3
    assert not lease.is_lost


def test_an_outage_is_reported_once(kept: Kept, caplog: pytest.LogCaptureFixture) -> None:
    kept.leases.error = Unavailable("The database does not answer.")
    lease = kept.of["a"]
    with kept.keeper.keeping(lease):
        lease.on_tile(1, 2)
        kept.cluster.until(lambda: kept.tiles()["a"] == 1)
    assert caplog.text.count("leases cannot be renewed") == 1
    assert not lease.is_lost


def test_jobs_are_renewed_together(kept: Kept) -> None:
    """In one transaction; the end of one changes nothing for the others."""
    kept.leases.faults = 0
    a, b, c = kept.of.values()
    with kept.keeper.keeping(a), kept.keeper.keeping(b):
        with kept.keeper.keeping(c):
            for done, lease in enumerate((a, b, c), 1):
                lease.on_tile(done, 9)
            kept.cluster.until(lambda: kept.tiles() == {"a": 1, "b": 2, "c": 3})
        assert kept.leases.statements <= 2, "they may fall into two heartbeats"
        c.on_tile(8, 9)
        a.on_tile(9, 9)
        kept.cluster.until(lambda: kept.tiles() == {"a": 9, "b": 2, "c": 3})


def test_only_the_lost_job_is_cancelled(kept: Kept) -> None:
    kept.leases.faults = 0
    a, b, c = kept.of.values()
    with kept.keeper.keeping(a), kept.keeper.keeping(b), kept.keeper.keeping(c):
        kept.keeper.leave(c)
        for name in "bc":
            kept.cluster.repository.jobs.cancel("ada", name)
        kept.cluster.until(lambda: b.is_lost)
        a.on_tile(1, 2)
        kept.cluster.until(lambda: kept.tiles()["a"] == 1)
    assert [lease.is_lost for lease in (a, b, c)] == [False, True, False]
    assert [token.cancelled for token in kept.tokens.values()] == [False, True, False]


def test_no_attempt_is_counted_once_the_worker_stops(kept: Kept) -> None:
    for lease in kept.of.values():
        assert kept.leases.begin(*lease.held)
    a, b, _ = kept.of.values()
    with kept.keeper.keeping(a), kept.keeper.keeping(b):
        assert kept.cluster.job("a").attempt == 1
        kept.shutdown.on_signal(15, None)
        kept.cluster.until(lambda: kept.cluster.job("b").attempt == 0)
        kept.cluster.until(lambda: kept.cluster.job("a").attempt == 0)
    assert kept.cluster.job("c").attempt == 1, "it is not kept"


def test_the_keeper_ends_quietly(kept: Kept, caplog: pytest.LogCaptureFixture) -> None:
    """Also while the worker stops, when no job is left whose attempt would be uncounted."""
    with kept.keeper.keeping(kept.of["a"]):
        kept.shutdown.on_signal(15, None)
    kept.cluster.until(lambda: kept.keeper._changed._waiters)  # type: ignore[attr-defined]
    kept.keeper.close()
    assert "an error" not in caplog.text


def test_a_preparation_is_stored_until_it_ends(kept: Kept) -> None:
    lease = kept.of["a"]

    def stored() -> Progress:
        return kept.cluster.job("a").progress

    assert stored() == Progress()
    with kept.keeper.keeping(lease):
        lease.on_preparing(True)
        kept.cluster.until(lambda: stored() == Progress(preparing=True))
        lease.on_preparing(False)
        kept.cluster.until(lambda: stored() == Progress())
        lease.on_preparing(True)
        kept.cluster.until(lambda: stored().preparing)
    kept.cluster.repository.jobs.cancel("ada", "a")
    assert not stored().preparing
