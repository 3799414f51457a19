"""`tessera up`: all on one machine, with and without Redis, ended by Ctrl-C and taken up again."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import httpx
import nibabel
import numpy as np
import psutil
import pytest

from cli.main import main
from cli.up import _environment
from jobs.embedded_broker import Broker, redis_server
from jobs.private_files import CONTENT
from jobs.settings import Settings
from tests.support.earlier_schema import set_revision
from tests.support.ports import free_port
from tests.support.waiting import PATIENCE_S, until

pytestmark = pytest.mark.process

TESSERA = [sys.executable, "-P", "-c", "from cli.main import main; main()"]


@contextmanager
def up(
    data: Path,
    cwd: Path,
    *,
    workers: int = 1,
    said: IO[bytes] | None = None,
    **environment: str,
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A running `tessera up`: its address and process; interrupted at the end.

    `said`: where what it writes to stderr goes, instead of the test's.
    """
    with subprocess.Popen(
        [*TESSERA, "up", "--port", "0", "--data", str(data), "--workers", str(workers)],
        cwd=cwd, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=said, text=True,
        start_new_session=True,
    ) as process:  # fmt: skip
        try:
            line = process.stdout.readline()
            address = re.search(r"http://\S+", line)
            assert address is not None, line
            yield address[0], process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            process.wait(PATIENCE_S)


@dataclass(frozen=True)
class Running:
    """A `tessera up` that several tests kill parts of, one after another."""

    address: str
    process: psutil.Process
    data: Path
    stderr: Path

    def child(self, name: str) -> psutil.Process:
        """The part of this name."""
        children = self.process.children()
        (found,) = (c for c in children if name in c.name() or c.cmdline()[-1] == name)
        return found


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("up")
    with (
        (folder / "stderr").open("wb") as said,
        up(folder / "data", folder, said=said, TESSERA_LEASE_S="2") as (address, process),
    ):
        yield Running(address, psutil.Process(process.pid), folder / "data", folder / "stderr")


@pytest.fixture
def folder_of_its_own(tmp_path: Path) -> Path:
    """A folder that holds packages of our names, which must not be imported."""
    for name in ("models", "service", "jobs", "workers", "cli", "imaging"):
        (tmp_path / "project" / name).mkdir(parents=True)
        (tmp_path / "project" / name / "__init__.py").write_text("raise SystemExit('not ours')")
    return tmp_path / "project"


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    path = tmp_path / "scan.nii.gz"
    values = np.random.default_rng(0).normal(100, 20, (30, 40, 30)).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), path)
    return path


def segmented(address: str, scan: Path, cwd: Path) -> nibabel.Nifti1Image:
    out = cwd / "mask.nii.gz"
    arguments = ["segment", str(scan), "--model", "hippocampus-mri-3d", "-o", str(out)]
    ended = subprocess.run([*TESSERA, *arguments, "--server", address], cwd=cwd, check=False)
    assert ended.returncode == 0
    return nibabel.load(out)


@pytest.mark.parametrize("redis", [True, False], ids=["redis", "file transport"])
def test_a_scan_goes_all_the_way(
    redis: bool, folder_of_its_own: Path, scan: Path, tmp_path: Path
) -> None:
    environment: dict[str, Any] = {} if redis else {"TESSERA_BROKER_URL": "file://"}
    environment["TESSERA_DICOM_PORT"] = str(free_port())
    with umask(0), up(tmp_path / "data", folder_of_its_own, **environment) as (address, process):
        assert address.startswith("http://127.0.0.1:")
        family = [process.pid, *(c.pid for c in psutil.Process(process.pid).children(True))]
        names = {psutil.Process(pid).name() for pid in family}
        assert any("redis" in name for name in names) == redis
        assert len(family) >= (4 if redis else 3)
        mask = segmented(address, scan, folder_of_its_own)
        check_private(tmp_path / "data")
        assert (folder_of_its_own / "mask.nii.gz").stat().st_mode & 0o777 == 0o666
        assert mask.shape == (30, 40, 30)
        np.testing.assert_array_equal(mask.affine, np.eye(4))
    until(lambda: not any(map(psutil.pid_exists, family)))
    assert process.returncode == 130


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def check_private(data: Path) -> None:
    """Only the owner has access, and `CONTENT` names all that a data folder holds."""
    entries = [data, *data.rglob("*")]
    assert {path.lstat().st_mode & 0o777 for path in entries if path.is_dir()} == {0o700}
    assert {path.lstat().st_mode & 0o777 for path in entries if path.is_file()} == {0o600}
    names = {path.name for path in data.iterdir()}
    assert names <= set(CONTENT)
    assert {"blobs", "broker", "inbox", "logs", "refused", "tessera.db", "tmp"} <= names


def ask(address: str, scan: Path) -> str:
    """Uploads the scan and asks for its mask; the job's id."""
    files = {"files": ("a.nii.gz", scan.read_bytes())}
    uploaded = httpx.post(f"{address}/v1/scans", files=files, timeout=60).json()
    body = {"scan": uploaded["id"], "model": "hippocampus-mri-3d"}
    asked = httpx.post(f"{address}/v1/jobs", json=body, timeout=60).json()
    assert asked["state"] == "queued"
    return str(asked["id"])


def done(address: str, job: str) -> None:
    """Waits until it succeeded."""
    until(lambda: httpx.get(f"{address}/v1/jobs/{job}", timeout=60).json()["state"] == "succeeded")


def test_the_next_start_takes_up_where_it_stopped(scan: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with up(data, tmp_path, workers=0, TESSERA_LEASE_S="2") as (address, _):
        job = ask(address, scan)
    with up(data, tmp_path, TESSERA_LEASE_S="2") as (address, _):
        done(address, job)


def test_who_waits_outlasts_a_gateway_that_starts_again(scan: Path, tmp_path: Path) -> None:
    """Once it has its job, `tessera segment --server` only looks; a worker comes last."""
    data, out = tmp_path / "data", tmp_path / "mask.nii.gz"
    with (
        up(data, tmp_path, workers=0, TESSERA_BROKER_URL="file://") as (address, process),
        ExitStack() as stack,
    ):
        (gateway,) = psutil.Process(process.pid).children()
        words = ["segment", str(scan), "--model", "hippocampus-mri-3d", "-o", str(out)]
        waiter = stack.enter_context(child(*words, "--server", address, cwd=tmp_path))
        until(lambda: httpx.get(f"{address}/v1/jobs", timeout=60).json()["jobs"] or waiter.poll())
        assert waiter.poll() is None
        gateway.kill()  # comes back after a second, at the earliest
        time.sleep(1)
        assert waiter.poll() is None
        known = {"TESSERA_DATA": str(data), "TESSERA_BROKER_URL": "file://"}
        stack.enter_context(child("worker", cwd=tmp_path, **known))
        assert waiter.wait(PATIENCE_S) == 0
        assert nibabel.load(out).shape == (30, 40, 30)


@contextmanager
def child(*words: str, cwd: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Another command, killed at the end if it still runs."""
    env = {**os.environ, **environment}
    with subprocess.Popen([*TESSERA, *words], cwd=cwd, env=env) as process:
        try:
            yield process
        finally:
            process.kill()


def test_children_get_a_broker_that_is_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a variable, and not twice, which they would refuse."""
    path = tmp_path / "broker"
    path.write_text("redis://:secret@127.0.0.1/0\n")
    monkeypatch.setenv("TESSERA_BROKER_URL_FILE", str(path))
    settings = Settings()
    environment = _environment(settings, Broker(settings.broker_url))
    assert environment["TESSERA_BROKER_URL"] == "redis://:secret@127.0.0.1/0"
    assert "TESSERA_BROKER_URL_FILE" not in environment


def test_a_dead_worker_is_replaced(running: Running, scan: Path) -> None:
    running.child("worker").kill()
    done(running.address, ask(running.address, scan))


@pytest.mark.skipif(redis_server() is None, reason="there is no Redis here")
def test_a_killed_redis_comes_back(running: Running, scan: Path) -> None:
    """What was asked for while it was away is done, and the terminal tells what happened."""
    running.child("redis").kill()
    done(running.address, ask(running.address, scan))
    assert httpx.get(f"{running.address}/readyz", timeout=60).is_success
    assert "the embedded Redis ended with status -9" in running.stderr.read_text()


@pytest.mark.parametrize("place", ["file", "file/below", "taken"])
def test_a_place_that_keeps_nothing_is_refused(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "taken" / "up.lock").mkdir(parents=True)  # root too cannot write that file
    with pytest.raises(SystemExit) as end:
        main(["up", "--port", "0", "--data", str(tmp_path / place)])
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert "cannot be written to" in said
    assert "--data" in said


def test_two_on_one_folder_are_refused(running: Running) -> None:
    second = subprocess.run(
        [*TESSERA, "up", "--port", "0", "--data", str(running.data)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert second.returncode == 1
    assert "already running" in second.stderr
    assert "Traceback" not in second.stderr


@pytest.mark.parametrize("command", ["up", "gateway", "worker"])
def test_a_database_of_another_version(command: str, tmp_path: Path) -> None:
    """Every command that uses it ends at once and says why; nothing is started again and again."""
    set_revision(f"sqlite:///{tmp_path / 'tessera.db'}", "9999")
    ended = subprocess.run(
        [*TESSERA, command],
        capture_output=True, text=True, check=False, timeout=120,
        env={**os.environ, "TESSERA_DATA": str(tmp_path), "TESSERA_PORT": str(free_port()),
             "TESSERA_BROKER_URL": "file://"},
    )  # fmt: skip
    assert ended.returncode == 2
    assert "nother version of Tessera" in ended.stderr
    assert "Traceback" not in ended.stderr + "".join(
        log.read_text() for log in (tmp_path / "logs").glob("*.log")
    )


def test_a_worker_that_cannot_start_ends_up(tmp_path: Path) -> None:
    """The database is exchanged while all runs: a worker that starts again cannot use it."""
    with up(tmp_path, tmp_path, TESSERA_BROKER_URL="file://") as (_, process):
        (worker,) = (
            c for c in psutil.Process(process.pid).children() if c.cmdline()[-1] == "worker"
        )
        set_revision(f"sqlite:///{tmp_path / 'tessera.db'}", "9999")
        worker.kill()
        assert process.wait(120) == 2
