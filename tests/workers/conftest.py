"""Clusters of real workers, on a real Redis or on the file transport."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.engine import Engine
from inference.options import RunOptions
from jobs.settings import Settings
from models.registry import Registry
from tests.support.cluster import Cluster, noise
from tests.support.convolutions import network
from tests.support.redis import Redis
from workers import short_jobs

LEASE_S = 2.0


@pytest.fixture(autouse=True)
def celery_goes_on() -> Iterator[None]:
    """Clears the flag by which the signal handler stops Celery in this process."""
    from celery.worker import state

    yield
    state.should_stop = None


@pytest.fixture
def all_are_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs of a kind that ran before, however slow this machine is just now."""
    monkeypatch.setattr(short_jobs, "SHORT_S", 1e6)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """SHA-256 of the mask of `scan` from a run without any failure, in 64 tiles."""
    folder = tmp_path_factory.mktemp("undisturbed")
    card = network(folder / "models" / "small", "small", 32)
    outcome = Engine(Registry(folder / "models"), "cpu", threads=1).segment(
        {"image": noise(folder / "scan.nii", 72)},
        card.name,
        folder / "out",
        RunOptions("cpu", "fp32", (24,)),
    )
    assert outcome.report["tiling"]["tiles"] == 64
    return hashlib.sha256(outcome.mask.read_bytes()).hexdigest()


@pytest.fixture(params=[pytest.param("redis", marks=pytest.mark.process), "files"])
def broker_url(request: pytest.FixtureRequest) -> str:
    """URL of an empty broker, one after the other of each kind."""
    return "file://" if request.param == "files" else str(request.getfixturevalue("redis").url)


@pytest.fixture
def cluster(tmp_path: Path, broker_url: str) -> Iterator[Cluster]:
    """A cluster without workers, once on Redis and once on the file transport."""
    yield from _open(tmp_path, broker_url)


@pytest.fixture
def patient_cluster(tmp_path: Path, broker_url: str) -> Iterator[Cluster]:
    """The same with a lease longer than any pause of the machine, so that none expires."""
    yield from _open(tmp_path, broker_url, lease_s=60.0)


@pytest.fixture
def lasting_cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster on the file transport, with a lease longer than the test."""
    yield from _open(tmp_path, "file://", lease_s=600.0)


@pytest.fixture
def redis_cluster(tmp_path: Path, redis: Redis) -> Iterator[Cluster]:
    """A cluster on a Redis server that the test may kill."""
    yield from _open(tmp_path, redis.url)


@pytest.fixture
def idle_cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster on the file transport, for tests that start no worker."""
    yield from _open(tmp_path, "file://")


def _open(tmp_path: Path, broker_url: str, lease_s: float = LEASE_S) -> Iterator[Cluster]:
    settings = Settings(
        data=tmp_path / "data",
        broker_url=broker_url,
        lease_s=lease_s,
        sweep_interval_s=0.25,
        max_attempts=50,
    )
    card = network(settings.added_models / "small", "small", 32)
    opened = Cluster(settings, card, tmp_path)
    opened.scan(noise(tmp_path / "scan.nii", 72))
    yield opened
    opened.end()
