"""A real S3-compatible object store, SeaweedFS, from a wheel."""

import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from jobs.settings import Settings
from tests.support.ports import free_ports
from tests.support.waiting import until


class ObjectStore:
    """A SeaweedFS of our own with a bucket `tessera`. What it stores survives a restart."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ports = free_ports(10)
        self._process: subprocess.Popen[bytes] | None = None
        self.endpoint = f"http://127.0.0.1:{self._ports[6]}"

    def start(self) -> None:
        """Starts it; returns when the bucket is there."""
        weed = shutil.which("weed") or str(Path(sysconfig.get_path("scripts")) / "weed")
        names: tuple[str, ...] = ("master.port", "master.port.grpc", "volume.port")
        names += ("volume.port.grpc", "filer.port", "filer.port.grpc", "s3.port", "s3.port.grpc")
        names += ("s3.port.iceberg", "s3.port.lance")
        self._process = process = subprocess.Popen(
            [
                *(weed, "server", "-s3", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
                *(f"-dir={self._folder}", "-volume.max=20", "-master.volumeSizeLimitMB=64"),
                "-master.telemetry=false",
                *(f"-{name}={port}" for name, port in zip(names, self._ports, strict=True)),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._folder,
        )
        _make_bucket(f"{self.endpoint}/tessera", process)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()


@pytest.fixture(scope="session")
def object_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """A SeaweedFS that all tests share."""
    server = ObjectStore(tmp_path_factory.mktemp("s3"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def own_object_store(tmp_path: Path) -> Iterator[ObjectStore]:
    """A SeaweedFS that the test may kill and start again."""
    folder = tmp_path / "s3"
    folder.mkdir()
    server = ObjectStore(folder)
    server.start()
    yield server
    server.kill()


def _make_bucket(url: str, process: "subprocess.Popen[bytes]") -> None:
    def made() -> bool:
        assert process.poll() is None, "SeaweedFS ended before it made a bucket."
        try:
            return httpx.put(url, timeout=5).status_code in (200, 409)
        except httpx.TransportError:
            return False

    until(made)


@pytest.fixture
def s3_settings(object_store: ObjectStore, tmp_path: Path) -> Settings:
    return Settings(data=tmp_path, **bucket_of(object_store.endpoint))


def bucket_of(endpoint: str) -> dict[str, Any]:
    """The settings of a folder of its own in the bucket."""
    return {
        "blob_url": f"s3://tessera/{uuid4().hex}",
        "s3_endpoint": endpoint,
        "s3_access_key": "any",
        "s3_secret_key": "any",
    }
