"""Databases, object stores and brokers: each kind after the other."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from inference.runtime_registry import queue_names
from jobs.blobs import Blobs, open_blobs
from jobs.encryption import new_key
from jobs.job import Job
from jobs.queue import Queue
from jobs.repository import Repository
from jobs.settings import Settings
from jobs.stored_scan import StoredScan
from tests.support.migrated import migrated
from tests.support.rabbitmq import ON_RABBITMQ
from tests.support.rows import make_job, make_scan


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.process)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, one after the other of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'data' / 'tessera.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def repository(database: str) -> Iterator[Repository]:
    found = migrated(database)
    yield found
    found.close()


@pytest.fixture(
    params=["folder", "encrypted folder", pytest.param("s3", marks=pytest.mark.process)]
)
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    """An empty store, one after the other of each kind."""
    if request.param == "s3":
        return open_blobs(request.getfixturevalue("s3_settings"))
    key = new_key() if request.param == "encrypted folder" else ""
    return open_blobs(Settings(data=tmp_path, encryption_key=key))


@pytest.fixture(params=["files", pytest.param("redis", marks=pytest.mark.process), ON_RABBITMQ])
def broker_settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings with an empty broker, one after the other of each kind."""
    if request.param == "files":
        return Settings(data=tmp_path / "data", broker_url="file://")
    url = request.getfixturevalue(request.param).url
    return Settings(data=tmp_path / "data", broker_url=url)


@pytest.fixture
def open_queue() -> Iterator[Callable[[Settings], Queue]]:
    """Opens queues, and closes their connections after the test."""
    with ExitStack() as stack:
        yield lambda settings: stack.enter_context(closing(Queue(settings, queue_names())))


@pytest.fixture
def scan_of() -> Callable[..., StoredScan]:
    return make_scan


@pytest.fixture
def job_of() -> Callable[..., Job]:
    return make_job


@pytest.fixture
def stocked(repository: Repository) -> Repository:
    """With ada's scan `scan` in it."""
    repository.scans.add(make_scan())
    return repository
