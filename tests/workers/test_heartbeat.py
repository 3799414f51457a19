"""A worker's heartbeat shows health checks that it lives and that no job of it hangs."""

import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
import yaml

from tests.support.cluster import Cluster
from tests.support.waiting import until
from workers import heartbeat
from workers.heartbeat import Heartbeat

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "_BEAT_S", 0.01)


def grow_old(file: Path) -> None:
    os.utime(file, (0, 0))


def is_new(file: Path) -> bool:
    return file.exists() and file.stat().st_mtime > 0


def test_written_again_and_again_until_the_end(tmp_path: Path) -> None:
    file = tmp_path / "heartbeat"
    with Heartbeat(file):
        until(lambda: is_new(file))
        grow_old(file)
        until(lambda: is_new(file))
    grow_old(file)
    assert not [thread for thread in threading.enumerate() if thread.name == "heartbeat"]


def test_not_written_while_a_job_hangs(tmp_path: Path) -> None:
    file, hangs, looks = tmp_path / "heartbeat", True, 0

    def look() -> bool:
        nonlocal looks
        looks += 1
        return hangs

    with Heartbeat(file) as own:
        own.pause_while(look)
        until(lambda: looks > 1)  # no write of before is under way
        file.touch()
        grow_old(file)
        seen = looks
        until(lambda: looks > seen + 3)
        assert not is_new(file)
        hangs = False
        until(lambda: is_new(file))


def test_without_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Heartbeat(None):
        assert not [thread for thread in threading.enumerate() if thread.name == "heartbeat"]
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_is_reported_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "folder" / "heartbeat"
    with Heartbeat(file):
        until(lambda: caplog.text)
        time.sleep(0.05)  # some more writes
        file.parent.mkdir()
        until(lambda: is_new(file))
    assert caplog.text.count("cannot be written") == 1


@pytest.mark.process
@pytest.mark.slow
def test_the_health_check_of_compose_and_chart(idle_cluster: Cluster, tmp_path: Path) -> None:
    """Its command, on the file of a real worker that is frozen and goes on."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["worker"]
    file, own = compose["environment"]["TESSERA_HEARTBEAT_FILE"], tmp_path / "heartbeat"
    command = [part.replace(file, str(own)) for part in compose["healthcheck"]["test"][1:]]
    assert str(own) in command[-1]

    def healthy() -> bool:
        return subprocess.run(command, capture_output=True).returncode == 0

    assert not healthy()
    worker = idle_cluster.worker(TESSERA_HEARTBEAT_FILE=str(own))
    until(lambda: worker.ready)
    assert healthy()
    worker.freeze()
    two_minutes_ago = time.time() - 120
    os.utime(own, (two_minutes_ago, two_minutes_ago))
    assert not healthy()
    worker.signal(signal.SIGCONT)
    until(healthy)
    assert worker.end() == 0
