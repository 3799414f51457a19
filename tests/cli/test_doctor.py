"""`tessera doctor` finds what is wrong with an installation."""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.doctor.gateway import check_proxies
from jobs.announced_worker import AnnouncedWorker, WorkerState
from jobs.repository import known_revisions
from jobs.settings import Settings
from tests.support.command_line import run
from tests.support.earlier_schema import go_back, set_revision
from tests.support.redis import Redis
from tests.support.rows import make_job, make_scan
from tests.support.whole_service import service

Examine = Callable[[], tuple[int, dict[str, dict[str, Any]]]]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder of an installation without faults, except that nothing runs."""
    folder = tmp_path / "data"
    with service(Settings(data=folder)):
        folder.chmod(0o700)
    monkeypatch.setenv("TESSERA_DATA", str(folder))
    monkeypatch.setenv("TESSERA_PORT", "1")
    return folder


@pytest.fixture
def examine(capsys: pytest.CaptureFixture[str]) -> Examine:
    """Runs the command; its status, and check -> the last finding."""

    def examine() -> tuple[int, dict[str, dict[str, Any]]]:
        status, text = run(capsys, "doctor", "--json")
        return status, {finding["check"]: finding for finding in json.loads(text)}

    return examine


def announce(data: Path, **changes: Any) -> None:
    values: dict[str, Any] = {"version": "0", "state": WorkerState.READY, "started_at": 1.0}
    with service(Settings(data=data), empty=True) as found:
        worker = AnnouncedWorker("host:1:x", ("any", "cpu"), **values | changes)
        found.repository.workers.announce(worker)


def levels(findings: dict[str, dict[str, Any]], level: str) -> set[str]:
    return {check for check, finding in findings.items() if finding["level"] == level}


def test_an_installation_where_nothing_runs(data: Path, examine: Examine) -> None:
    status, findings = examine()
    assert status == 1
    assert levels(findings, "problem") == {"workers"}
    assert levels(findings, "warning") == {"gateway"}
    assert findings["database"]["text"].endswith(f"({known_revisions()[0]}).")


def test_workers(data: Path, examine: Examine) -> None:
    announce(data, waiting_for="the object store")
    with service(Settings(data=data), empty=True) as found:
        found.repository.scans.add(make_scan(name="s", project="ada"))
        found.repository.jobs.add(make_job(scans={"t1": "s"}, queue="gpu"))
    status, findings = examine()
    assert status == 1
    assert levels(findings, "problem") == {"queue gpu"}
    assert levels(findings, "warning") == {"gateway", "worker host:1:x", "versions of workers"}
    assert "hardware: cpu" in findings["worker host:1:x"]["text"]
    assert "waits for the object store" in findings["worker host:1:x"]["text"]
    assert "head.nii.gz" not in json.dumps(findings)


def test_modes_models_and_addresses(
    data: Path, examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    announce(data)
    data.chmod(0o755)
    (data / "pseudonyms.key").write_bytes(b"k")
    (data / "pseudonyms.key").chmod(0o644)
    (data / "models" / "broken").mkdir(parents=True)
    (data / "models" / "broken" / "card.json").write_text("{}")
    (data / "routes.toml").write_text("[[peer]\n")
    monkeypatch.setenv("TESSERA_ROUTING_TABLE", str(data / "routes.toml"))
    monkeypatch.setenv("TESSERA_HOST", "0.0.0.0")
    monkeypatch.setenv("TESSERA_PROXY_USER_HEADER", "X-Forwarded-User")
    _, findings = examine()
    assert levels(findings, "problem") == {
        "data folder",
        "secret files",
        "routing table",
        "model folder broken",
        "listening addresses",
        "proxies",
    }
    assert all(finding["hint"] for finding in findings.values() if finding["level"] != "ok")


def test_a_proxy_that_nobody_trusts() -> None:
    """The page is at an address by HTTPS, which neither the gateway serves nor a trusted proxy."""
    settings = Settings(public_url="https://scans.example.org")
    (finding,) = check_proxies(settings)
    assert "TESSERA_TRUSTED_PROXIES" in finding.hint
    (finding,) = check_proxies(settings.model_copy(update={"trusted_proxies": ("10.0.0.7",)}))
    assert finding.level == "ok"


@pytest.mark.parametrize("state", ["earlier", "later", "none", "missing"])
def test_schemas(data: Path, examine: Examine, state: str) -> None:
    file = data / "tessera.db"
    if state == "earlier":
        with service(Settings(data=data), empty=True) as found:
            go_back(found.repository, known_revisions()[1], ())
    elif state == "later":
        set_revision(Settings(data=data).database, "later")
    else:
        file.unlink()
        if state == "none":
            file.write_bytes(b"")
    status, findings = examine()
    assert findings["database"]["level"] == ("warning" if state == "earlier" else "problem")
    assert status == (state != "earlier")
    assert file.exists() == (state != "missing")


def test_parts_that_do_not_answer(
    data: Path, examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        monkeypatch.setenv("TESSERA_BROKER_URL", f"redis://127.0.0.1:{port}")
        monkeypatch.setenv("TESSERA_DATABASE_URL", f"postgresql+psycopg://u@127.0.0.1:{port}/t")
        status, findings = examine()
    assert status == 1
    assert levels(findings, "problem") == {"database", "broker"}


@pytest.mark.process
def test_redis_in_memory_only(
    data: Path, examine: Examine, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TESSERA_BROKER_URL", redis.url)
    _, findings = examine()
    assert findings["broker"]["level"] == "ok"
    assert findings["messages on disk"]["level"] == "warning"


def test_the_text(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, text = run(capsys, "doctor")
    assert status == 1
    assert "problem workers: No worker has announced itself lately. What to do: Start a" in text
