"""A real S3-compatible object store, SeaweedFS, from a wheel."""

import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from jobs.settings import Settings
from tests.support.ports import free_ports
from tests.support.waiting import until


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Endpoint of a SeaweedFS of our own, with a bucket `tessera`."""
    weed = shutil.which("weed") or str(Path(sysconfig.get_path("scripts")) / "weed")
    ports = free_ports(10)
    names: tuple[str, ...] = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc")
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
    def made() -> bool:
        assert process.poll() is None, "SeaweedFS ended before it made a bucket."
        try:
            return httpx.put(url, timeout=5).is_success
        except httpx.TransportError:
            return False

    until(made)


@pytest.fixture
def s3_settings(s3: str, tmp_path: Path) -> Settings:
    return Settings(
        data=tmp_path,
        blob_url=f"s3://tessera/{uuid4().hex}",
        s3_endpoint=s3,
        s3_access_key="any",
        s3_secret_key="any",
    )
