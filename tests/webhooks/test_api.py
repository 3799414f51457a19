"""Webhooks by /v1 and by the command: listed, tried, resent; two gateways send once."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from jobs.repository import Repository
from jobs.settings import Settings
from jobs.webhook import WebhookMessage
from models.registry import Registry
from service.app import create_app
from service.auth import Caller, HttpCaller, LocalAdministrator, Permission, Principal
from tests.support.answers import check_problem
from tests.support.rows import make_job, make_scan
from tests.support.served_app import served
from tests.support.waiting import until
from tests.support.webhook_receiver import SECRET, Receiver, receiver


class Projects:
    """Knows callers by the project that they name; none: `local`."""

    def authenticate(self, caller: Caller) -> Principal:
        if not isinstance(caller, HttpCaller):
            return LocalAdministrator().authenticate(caller)
        return Principal("somebody", caller.authorization or "local", frozenset(Permission))


@pytest.fixture
def remote() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path, remote: Receiver, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("RIS_SECRET", SECRET)
    table = tmp_path / "routes.toml"
    lines = (
        "[[webhook]]",
        'name = "ris"',
        f'url = "http://127.0.0.1:{remote.port}/hook?token=geheim"',
        'secret_env = "RIS_SECRET"',
        "private = true",
        'events = ["job.cancelled", "batch.finished"]',
    )
    table.write_text("\n".join(lines))
    return Settings(
        data=tmp_path / "data",
        broker_url="file://",
        routing_table=table,
        sweep_interval_s=0.05,
    )


@pytest.fixture
def client(settings: Settings, tmp_path: Path) -> Iterator[httpx.Client]:
    with served(create_app(settings, Registry(tmp_path), Projects())) as running:
        yield running


def _messages(client: httpx.Client, **query: str) -> list[dict[str, object]]:
    return list(client.get("/v1/webhooks/messages", params=query).json()["messages"])


def test_listed_without_address_and_secret(client: httpx.Client) -> None:
    answer = client.get("/v1/webhooks")
    assert answer.json() == [
        {"name": "ris", "events": ["job.cancelled", "batch.finished"], "models": ["*"]}
    ]
    assert "geheim" not in answer.text


def test_tried(client: httpx.Client, remote: Receiver) -> None:
    answer = client.post("/v1/webhooks/ris/test")
    assert answer.status_code == 202
    until(lambda: answer.json()["id"] in remote.ids)
    (found,) = until(lambda: _messages(client, state="delivered"))
    assert (found["event"], found["webhook"], found["status"]) == ("webhook.test", "ris", 204)
    check_problem(client.post("/v1/webhooks/other/test"), 404)


def test_two_gateways_send_a_cancellation_once(
    client: httpx.Client, settings: Settings, remote: Receiver, tmp_path: Path
) -> None:
    with served(create_app(settings, Registry(tmp_path))) as second:
        rows = Repository(settings.database)
        rows.scans.add(make_scan(project="local"))
        names = [f"j{n}" for n in range(6)]
        for name in names:
            rows.jobs.add(make_job(name, project="local"))
        rows.close()
        for name, gateway in zip(names, (client, second) * 3, strict=True):
            assert gateway.post(f"/v1/jobs/{name}/cancel").status_code == 200
        until(lambda: len(_messages(second, state="delivered")) == len(names))
        assert {one["job"] for one in _messages(client)} == set(names)
        metrics = [gateway.get("/metrics").text for gateway in (client, second)]
    assert len(remote.ids) == len(set(remote.ids)) == len(names)
    counter = 'tessera_webhook_attempts_total{endpoint="ris",outcome="delivered"}'
    assert any(counter in text for text in metrics), "whichever was sooner has counted it"


@pytest.fixture
def dead(settings: Settings) -> Iterator[Repository]:
    """The database with two dead messages, which another gateway has left."""
    rows = Repository(settings.database)
    rows.migrate()
    for name in ("m1", "m2"):
        body = '{"type": "webhook.test"}'
        rows.webhooks.add(WebhookMessage(name, "local", "ris", "webhook.test", None, None, body))
        held = rows.webhooks.claim("ris", 60)
        assert held is not None
        assert rows.webhooks.bury(held, {"title": "x", "status": 503, "detail": "It failed."}, 500)
    yield rows
    rows.close()


def test_dead_messages_are_listed_and_resent(
    dead: Repository, client: httpx.Client, remote: Receiver
) -> None:
    listed = _messages(client, state="dead", webhook="ris")
    assert [one["id"] for one in listed] == ["m2", "m1"]
    assert listed[0]["error"]["detail"] == "It failed."  # type: ignore[index]
    assert listed[0]["due_at"] is None
    theirs = {"Authorization": "another"}
    assert client.get("/v1/webhooks/messages", headers=theirs).json()["messages"] == []
    refused = client.post("/v1/webhooks/messages/m1/resend", headers=theirs)
    check_problem(refused, 404)
    none = client.post("/v1/webhooks/messages/resend", headers=theirs)
    assert none.json() == {"resent": 0}
    assert client.post("/v1/webhooks/messages/m1/resend").json()["state"] == "waiting"
    until(lambda: remote.ids == ["m1"])
    assert client.post("/v1/webhooks/messages/resend?webhook=ris").json() == {"resent": 1}
    until(lambda: remote.ids == ["m1", "m2"])
    until(lambda: len(_messages(client, state="delivered")) == 2)


def test_a_page_has_a_cursor(dead: Repository, client: httpx.Client, remote: Receiver) -> None:
    first = client.get("/v1/webhooks/messages?limit=1").json()
    second = client.get("/v1/webhooks/messages", params={"cursor": first["next_cursor"]}).json()
    assert [one["id"] for one in (*first["messages"], *second["messages"])] == ["m2", "m1"]
    assert second["next_cursor"] is None
    assert remote.requests == []


def test_by_the_command(
    dead: Repository, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`messages` lists what is dead, `resend` makes it due, `secret` prints a secret."""
    from click.testing import CliRunner

    from cli.webhooks import command
    from service.resources.signing_secret import SigningSecret

    monkeypatch.setenv("TESSERA_DATA", str(settings.data))
    runner = CliRunner()
    listed = runner.invoke(command, ["messages", "--state", "dead"]).output
    assert [line.split()[0] for line in listed.splitlines()] == ["m2", "m1"]
    assert "It failed." in listed
    assert "1 message is sent again" in runner.invoke(command, ["resend", "m1"]).output
    assert "1 message is sent again" in runner.invoke(command, ["resend", "--dead"]).output
    assert runner.invoke(command, ["resend"]).exit_code == 2
    assert dead.webhooks.claim("ris", 60) is not None
    SigningSecret.parse(runner.invoke(command, ["secret"]).output.strip())
    monkeypatch.setenv("TESSERA_DATA", str(tmp_path / "nowhere"))
    refused = runner.invoke(command, ["messages"])
    assert "no database" in str(refused.exception)
    assert not (tmp_path / "nowhere").exists()
