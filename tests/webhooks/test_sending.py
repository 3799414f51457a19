"""From the end of a job to the receiver: announced, signed, tried again, dead, resent."""

import json
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from sqlalchemy import update

from imaging.errors import BadRequest
from jobs.batch import Batch
from jobs.job import JobState
from jobs.repository import Repository
from jobs.repository.schema.webhook_tables import job_ends, webhook_messages
from jobs.webhook import MAX_ATTEMPTS, BatchEnd, MessageState, WebhookEvent, WebhookMessage
from service.auth import BackgroundTask, LocalAdministrator
from service.resources.routing_table import RoutingTable
from service.resources.signing_secret import SigningSecret
from service.resources.webhook_endpoint import WebhookEndpoint
from service.resources.webhook_metrics import WebhookMetrics
from service.use_cases.webhook_payloads import trial_message
from service.webhooks.announcer import GRACE_S, WebhookAnnouncer
from service.webhooks.message_sender import MessageSender, SenderParts
from tests.support.rows import make_job, make_scan
from tests.support.waiting import until
from tests.support.webhook_receiver import SECRET, is_signed, receiver, status

MadeEndpoint = Callable[..., WebhookEndpoint]
PROBLEM = {
    "type": "urn:tessera:scan-too-large",
    "title": "Too large",
    "status": 413,
    "detail": "The scan is too large.",
    "choices": [{"name": "DOE^JANE"}],
}


class Outbox:
    """Announcer and senders of one gateway over a database, as threads or step by step."""

    def __init__(self, rows: Repository, endpoints: Sequence[WebhookEndpoint]) -> None:
        self.rows = rows
        self.registry = CollectorRegistry()
        metrics = WebhookMetrics(self.registry)
        who = LocalAdministrator()
        self.announcer = WebhookAnnouncer(
            rows.webhooks, rows.reading_stages, endpoints, who, 0.05, 3600
        )
        parts = SenderParts(rows.webhooks, who, metrics, 0.05)
        self.senders = [MessageSender(parts, endpoint) for endpoint in endpoints]

    def start(self, stack: ExitStack) -> None:
        """Runs the threads until the stack ends."""
        for thread in self._threads():
            thread.start()
            stack.callback(thread.stop)

    def _threads(self) -> Sequence[WebhookAnnouncer | MessageSender]:
        return (self.announcer, *self.senders)

    def round(self) -> None:
        """All that is due now."""
        while self.announcer.step():
            pass
        for sender in self.senders:
            while sender.step():
                pass

    def hasten(self) -> None:
        """Makes every message due."""
        with self.rows.database.write() as connection:
            connection.execute(update(webhook_messages).values(due_at=0))

    def only(self) -> WebhookMessage:
        (message,), _ = self.rows.webhooks.page(None)
        return message


def end(rows: Repository, name: str = "job", error: Any = None, **changes: Any) -> None:
    """Stores a job and fails it, with an error; without one, it succeeds."""
    rows.scans.add(make_scan())
    rows.jobs.add(make_job(name, **changes))
    finish(rows, name, error)


def finish(rows: Repository, name: str, error: Any = None) -> None:
    claimed = rows.leases.claim(name, "w", 60)
    assert claimed is not None
    if error:
        assert rows.leases.fail(name, claimed.fence, error)
        return
    assert rows.leases.finish(
        name,
        claimed.fence,
        mask_sha256="a" * 64,
        mask_format="nifti",
        preview_sha256=None,
        report={},
    )


def test_a_success_is_signed_and_says_where_the_results_are(
    repository: Repository, endpoint_at: MadeEndpoint
) -> None:
    end(repository, "j1")
    with receiver() as remote:
        outbox = Outbox(repository, [endpoint_at(remote.port)])
        outbox.round()
        outbox.round()
    (request,) = remote.requests
    assert is_signed(request, SECRET)
    assert not is_signed(request, str(SigningSecret.new()))
    assert request.headers["content-type"] == "application/json"
    assert abs(int(request.headers["webhook-timestamp"]) - time.time()) < 300
    job, body = repository.jobs.by_id("j1"), json.loads(request.body)
    assert body["type"] == "job.succeeded"
    assert body["timestamp"] == body["data"]["finished_at"]
    assert {name: body["data"][name] for name in ("job", "state", "model", "batch", "error")} == {
        "job": "j1",
        "state": "succeeded",
        "model": {"name": job.model, "version": "1"},
        "batch": None,
        "error": None,
    }
    assert body["data"]["links"]["mask"] == "/v1/jobs/j1/mask"
    message = outbox.only()
    assert (message.state, message.status, message.attempts) == (MessageState.DELIVERED, 204, 1)
    assert b'attempts_total{endpoint="ris",outcome="delivered"} 1.0' in generate_latest(
        outbox.registry
    )


def test_a_failure_has_its_problem_and_no_names(
    repository: Repository, endpoint_at: MadeEndpoint
) -> None:
    """Given a file with a patient's name, and an error whose choices have one."""
    repository.scans.add(make_scan(name="scan", sha256="b" * 64))
    batch = Batch("b", "ada", "Jane Doe", 1.0)
    repository.batches.add(batch, [make_job("j1")])
    finish(repository, "j1", PROBLEM)
    with receiver() as remote:
        Outbox(repository, [endpoint_at(remote.port)]).round()
    bodies = {json.loads(request.body)["type"]: request.body for request in remote.requests}
    assert set(bodies) == {"job.failed", "batch.finished"}
    assert not any(b"Doe" in body or b"DOE" in body or b"head" in body for body in bodies.values())
    data = json.loads(bodies["job.failed"])["data"]
    assert data["error"] == {name: PROBLEM[name] for name in PROBLEM if name != "choices"}
    assert data["links"] == {"job": "/v1/jobs/j1"}
    assert json.loads(bodies["batch.finished"])["data"]["states"] == {"failed": 1}


def test_both_secrets_sign_during_a_rotation(
    repository: Repository, endpoint_at: MadeEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = str(SigningSecret.new())
    monkeypatch.setenv("BOTH", f"{new} {SECRET}")
    end(repository)
    with receiver() as remote:
        Outbox(repository, [endpoint_at(remote.port, secret_env="BOTH")]).round()
    (request,) = remote.requests
    assert is_signed(request, new)
    assert is_signed(request, SECRET)


def test_only_what_an_endpoint_wants(repository: Repository, endpoint_at: MadeEndpoint) -> None:
    """Endpoints that differ in events and models."""
    end(repository, "j1", model="liver-ct")
    repository.jobs.add(make_job("j2", model="nuclei-2d"))
    repository.jobs.cancel("ada", "j2")
    with receiver() as one, receiver() as two, receiver() as three:
        failures = (WebhookEvent.JOB_FAILED, WebhookEvent.JOB_CANCELLED)
        endpoints = [
            endpoint_at(one.port, name="one", models=("LIVER-*",)),
            endpoint_at(two.port, name="two", events=failures),
            endpoint_at(three.port, name="three", models=("brain*",)),
        ]
        Outbox(repository, endpoints).round()
    assert [json.loads(r.body)["data"]["job"] for r in one.requests] == ["j1"]
    assert [json.loads(r.body)["data"]["job"] for r in two.requests] == ["j2"]
    assert three.requests == []


def test_only_projects_of_an_endpoint(repository: Repository, endpoint_at: MadeEndpoint) -> None:
    """Jobs of others are not announced, and a message from before is dead."""
    end(repository, "j1")
    project = repository.jobs.by_id("j1").project
    with receiver() as one, receiver() as two:
        ours = endpoint_at(one.port, name="one", projects=(project, "b"))
        theirs = endpoint_at(two.port, name="two", projects=("b",))
        earlier = repository.webhooks.add(trial_message(theirs, project))
        Outbox(repository, [ours, theirs]).round()
    assert [json.loads(r.body)["data"]["job"] for r in one.requests] == ["j1"]
    assert two.requests == []
    (dead,), _ = repository.webhooks.page(None, state=MessageState.DEAD)
    assert dead.id == earlier.id
    assert dead.error is not None
    assert "no longer for the project" in dead.error["detail"]


@pytest.mark.parametrize("code", [302, 400, 404, 429, 500, 503])
def test_tried_again_with_the_same_id_until_it_is_received(
    repository: Repository, endpoint_at: MadeEndpoint, code: int
) -> None:
    end(repository)
    with receiver(status(code)) as remote:
        outbox = Outbox(repository, [endpoint_at(remote.port)])
        outbox.round()
        waiting = outbox.only()
        assert (waiting.state, waiting.attempts) == (MessageState.WAITING, 1)
        assert waiting.status == code
        assert waiting.error is not None
        assert f"status {code}" in waiting.error["detail"]
        outbox.round()
        assert len(remote.requests) == 1, "it waits first"
        outbox.hasten()
        remote.answer = status(200)
        outbox.round()
    assert outbox.only().state is MessageState.DELIVERED
    assert len(remote.ids) == 2
    assert len(set(remote.ids)) == 1


def test_dead_after_the_last_attempt_and_alive_when_resent(
    repository: Repository, endpoint_at: MadeEndpoint
) -> None:
    end(repository)
    with receiver(status(500)) as remote:
        outbox = Outbox(repository, [endpoint_at(remote.port)])
        for _ in range(MAX_ATTEMPTS + 3):
            outbox.round()
            outbox.hasten()
        dead = outbox.only()
        assert (dead.state, dead.attempts, dead.status) == (MessageState.DEAD, MAX_ATTEMPTS, 500)
        assert len(remote.requests) == MAX_ATTEMPTS
        remote.answer = status(200)
        assert repository.webhooks.resend_dead("ada") == 1
        outbox.round()
    assert outbox.only().state is MessageState.DELIVERED
    assert len(set(remote.ids)) == 1


def test_gone_is_not_tried_again(repository: Repository, endpoint_at: MadeEndpoint) -> None:
    end(repository)
    with receiver(status(410)) as remote:
        outbox = Outbox(repository, [endpoint_at(remote.port)])
        outbox.round()
    assert outbox.only().state is MessageState.DEAD


def test_five_senders_deliver_each_event_once(
    repository: Repository, endpoint_at: MadeEndpoint
) -> None:
    """Given five gateways while jobs end, no message is sent twice and none is forgotten."""
    names = [f"j{n}" for n in range(10)]
    repository.scans.add(make_scan())
    repository.batches.add(Batch("b", "ada", "", 1.0), [make_job(name) for name in names])
    with receiver() as remote, ExitStack() as stack:
        for _ in range(5):
            Outbox(repository, [endpoint_at(remote.port)]).start(stack)
        for name in names:
            finish(repository, name)
        until(lambda: {one.state for one in page(repository)} == {MessageState.DELIVERED})
        until(lambda: len(remote.ids) >= len(names) + 1)
    assert len(remote.ids) == len(set(remote.ids)) == len(names) + 1
    events = [json.loads(request.body) for request in remote.requests]
    jobs = sorted(event["data"]["job"] for event in events if event["type"] == "job.succeeded")
    assert jobs == sorted(names)


def page(rows: Repository) -> list[WebhookMessage]:
    messages, _ = rows.webhooks.page(None, limit=200)
    return messages


def test_a_silent_endpoint_delays_no_other(
    repository: Repository, endpoint_at: MadeEndpoint
) -> None:
    """Given an endpoint that never answers, another one receives all of its messages meanwhile."""
    for n in range(3):
        end(repository, f"j{n}")

    with receiver() as silent, receiver() as good, ExitStack() as stack:

        def wait(_: BaseHTTPRequestHandler) -> None:
            silent.over.wait(300)

        silent.answer = wait
        endpoints = [
            endpoint_at(silent.port, name="silent", timeout_s=200),
            endpoint_at(good.port, name="good"),
        ]
        Outbox(repository, endpoints).start(stack)
        until(lambda: len(silent.requests) == 1)
        until(lambda: len(good.requests) == 3)
        assert len(silent.requests) == 1
        silent.over.set()


def test_a_gateway_without_webhooks_discards_what_nobody_announced(
    repository: Repository, endpoint_at: MadeEndpoint
) -> None:
    """Another gateway, which has them already, comes first."""
    end(repository, "j1")
    without = Outbox(repository, [])
    without.round()
    with receiver() as remote:
        Outbox(repository, [endpoint_at(remote.port)]).round()
    assert len(remote.requests) == 1
    end(repository, "j2")
    with repository.database.write() as connection:
        old = job_ends.c.finished_at - GRACE_S - 1
        connection.execute(update(job_ends).values(finished_at=old))
    without.round()
    with receiver() as remote:
        Outbox(repository, [endpoint_at(remote.port)]).round()
    assert remote.requests == []


def test_a_trial_says_that_it_is_one(repository: Repository, endpoint_at: MadeEndpoint) -> None:
    with receiver() as remote:
        endpoint = endpoint_at(remote.port)
        repository.webhooks.add(trial_message(endpoint, "ada"))
        Outbox(repository, [endpoint]).round()
    (request,) = remote.requests
    assert is_signed(request, SECRET)
    assert json.loads(request.body)["type"] == "webhook.test"


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "secret": ({"secret_env": None}, "secret_env or secret_file"),
    "both": ({"secret_file": "x"}, "secret_env or secret_file"),
    "unset": ({"secret_env": "NO_SUCH"}, "NO_SUCH is not set"),
    "empty": ({"secret_env": "EMPTY"}, "no signing secret"),
    "short": ({"secret_env": "SHORT"}, "24 to 64 bytes"),
    "file": ({"secret_env": None, "secret_file": "/no/such/file"}, "cannot be read"),
    "http": ({"private": False}, "use https"),
    "user": ({"url": "https://user:pass@ris.example.org/"}, "without user name"),
    "host": ({"url": "https://:8443/"}, "host"),
    "port": ({"url": "https://ris.example.org:99999/"}, "[Pp]ort"),
    "scheme": ({"url": "file:///etc/passwd"}, "url"),
    "event": ({"events": ["job.started"]}, "events"),
    "no events": ({"events": []}, "events"),
    "unknown": ({"retries": 3}, "retries"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_table_is_named_without_its_secret(
    endpoint_at: MadeEndpoint, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setenv("EMPTY", " ")
    monkeypatch.setenv("SHORT", "whsec_c2VjcmV0")
    keys, words = FAULTS[fault]
    with pytest.raises(ValueError, match=words) as caught:
        endpoint_at(1, **keys)
    shown = "".join(str(error["msg"]) for error in getattr(caught.value, "errors", list)())
    assert "c2VjcmV0" not in shown


def test_two_endpoints_of_one_name_are_refused(endpoint_at: MadeEndpoint, tmp_path: Any) -> None:
    table = (
        '[[webhook]]\nname = "ris"\nurl = "https://ris.example.org/"\nsecret_env = "RIS_SECRET"\n'
    )
    file = tmp_path / "routes.toml"
    file.write_text(table)
    assert RoutingTable.load(file).webhook[0].name == "ris"
    file.write_text(table * 2)
    with pytest.raises(BadRequest, match="two webhooks have the same name"):
        RoutingTable.load(file)


def test_ids_tell_ends_apart(repository: Repository, endpoint_at: MadeEndpoint) -> None:
    """Given a job that fails, is retried and fails again: two messages for each endpoint."""
    end(repository, "j1", PROBLEM)
    with receiver() as remote:
        outbox = Outbox(repository, [endpoint_at(remote.port), endpoint_at(remote.port, name="b")])
        outbox.round()
        repository.jobs.retry("ada", "j1")
        finish(repository, "j1", PROBLEM)
        outbox.round()
    assert len(remote.ids) == len(set(remote.ids)) == 4


def test_two_gateways_give_one_end_the_same_id(
    repository: Repository, endpoint_at: MadeEndpoint
) -> None:
    """So that a batch that both of them find finished is reported once."""
    end_of_batch = BatchEnd("b", "ada", {JobState.FAILED: 2}, frozenset({"m"}), 1.0, 2.5)
    principal = LocalAdministrator().authenticate(BackgroundTask("test", "ada"))
    first, second = (
        Outbox(repository, [endpoint_at(1)]).announcer.messages(principal, end_of_batch)
        for _ in range(2)
    )
    assert [one.id for one in first] == [one.id for one in second]
