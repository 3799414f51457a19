"""Progress as server-sent events, read by a real HTTP client."""

import contextlib
import json
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import numpy as np
import pytest

from jobs.job import Progress
from jobs.job_filter import ListedJob
from jobs.repository import Forecast, Held
from service.routes import events
from service.use_cases.job_status import JobStatus
from tests.support.answers import check_problem
from tests.support.claims import claimed
from tests.support.finished_jobs import run_job
from tests.support.gateway import Gateway, Start
from tests.support.images import nifti_bytes
from tests.support.rows import make_job
from tests.support.waiting import until

Event = dict[str, str]


def _events(answer: httpx.Response) -> Iterator[Event]:
    """Parses text/event-stream (HTML standard, 9.2.6); a comment is an event named `:`."""
    event: Event = {}
    for line in answer.iter_lines():
        if not line:
            if event:
                yield event
            event = {}
        else:
            name, _, value = line.partition(":")
            event[name or ":"] = value.removeprefix(" ")


@pytest.fixture
def job(gateway: Gateway) -> str:
    return str(gateway.job(scan=gateway.scan(nifti_bytes(seed=60)), model="solid")["id"])


def _follow(gateway: Gateway, job: str, seen: list[tuple[float, dict[str, Any]]]) -> None:
    with httpx.stream(
        "GET", f"{gateway.client.base_url}/v1/jobs/{job}/events", timeout=30
    ) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        for event in _events(answer):
            if ":" not in event:
                assert event["event"] == "job"
                seen.append((time.monotonic(), json.loads(event["data"])))


def test_progress_is_seen(gateway: Gateway, job: str) -> None:
    """One event at once, one per change, at most four a second, and the end is the end."""
    seen: list[tuple[float, dict[str, Any]]] = []
    reader = threading.Thread(target=_follow, args=(gateway, job, seen))
    reader.start()
    until(lambda: len(seen) == 1)
    with gateway.repository() as repository:
        held = claimed(repository, job)
        begun = time.monotonic()
        for done in range(1, 101):
            repository.leases.renew({Held(job, held.fence): Progress(done, 100)}, 60)
            time.sleep(0.015)
        took = time.monotonic() - begun
        repository.leases.fail(job, held.fence, {"title": "Bad", "detail": "It broke."})
    reader.join(10)
    assert not reader.is_alive(), "the stream must end with the job"

    states = [event["state"] for _, event in seen]
    assert states[0] == "queued"
    assert states[-1] == "failed"
    assert sorted(states, key=["queued", "running", "failed"].index) == states
    reported = [event["progress"]["tiles_done"] for _, event in seen]
    assert reported == sorted(reported)
    assert len(set(reported)) >= 4
    assert len(seen) <= took * 4 + 4
    gaps = np.diff([at for at, _ in seen])
    assert np.median(gaps) > 0.2
    assert seen[-1][1]["error"]["detail"] == "It broke."
    assert seen[-1][1] == gateway.client.get(f"/v1/jobs/{job}").json()


def test_nothing_changes_nothing_is_sent(gateway: Gateway, job: str) -> None:
    seen: list[tuple[float, dict[str, Any]]] = []
    reader = threading.Thread(target=_follow, args=(gateway, job, seen))
    reader.start()
    until(lambda: len(seen) == 1)
    time.sleep(1)
    assert len(seen) == 1
    gateway.client.post(f"/v1/jobs/{job}/cancel")
    reader.join(10)
    assert [event["state"] for _, event in seen] == ["queued", "cancelled"]


def test_finished_job_is_one_event(gateway: Gateway, job: str) -> None:
    run_job(gateway, job, np.zeros((5, 6, 7), np.uint8))
    url = f"/v1/jobs/{job}/events"
    with gateway.client.stream("GET", url) as answer:
        (event,) = _events(answer)
    assert json.loads(event["data"])["state"] == "succeeded"
    back = gateway.client.get(url, headers={"Last-Event-ID": event["id"]})
    assert back.status_code == 204, "an EventSource that has seen the end must not come back"
    with gateway.client.stream("GET", url, headers={"Last-Event-ID": "anything"}) as answer:
        assert len(list(_events(answer))) == 1


def test_job_deleted_while_followed(gateway: Gateway) -> None:
    scan = gateway.scan(nifti_bytes(seed=61))
    job = str(gateway.job(scan=scan, model="solid")["id"])
    gateway.client.post(f"/v1/jobs/{job}/cancel")
    gateway.client.delete(f"/v1/scans/{scan}")
    check_problem(gateway.client.get(f"/v1/jobs/{job}/events"), 404)


def test_many_followers_leave_the_gateway_free(gateway: Gateway, job: str) -> None:
    """Followers hold no thread while they wait."""
    seen: list[tuple[float, dict[str, Any]]] = []
    readers = [threading.Thread(target=_follow, args=(gateway, job, seen)) for _ in range(60)]
    for reader in readers:
        reader.start()
    until(lambda: len(seen) >= 60)
    begun = time.monotonic()
    assert gateway.client.get("/v1/models").status_code == 200
    assert time.monotonic() - begun < 2
    gateway.client.post(f"/v1/jobs/{job}/cancel")
    for reader in readers:
        reader.join(10)
        assert not reader.is_alive()


@pytest.mark.slow
def test_streams_end_with_the_gateway(start_gateway: Start) -> None:
    gateway = start_gateway()
    scan = gateway.scan(nifti_bytes(seed=62))
    job = str(gateway.job(scan=scan, model="solid")["id"])
    seen: list[tuple[float, dict[str, Any]]] = []

    def follow() -> None:
        with contextlib.suppress(httpx.RemoteProtocolError):  # closed before the job's end
            _follow(gateway, job, seen)

    readers = [threading.Thread(target=follow) for _ in range(3)]
    for reader in readers:
        reader.start()
    until(lambda: len(seen) == 3)
    gateway.process.terminate()
    assert gateway.process.wait(60) in (0, -signal.SIGTERM)
    for reader in readers:
        reader.join(60)
        assert not reader.is_alive()
    assert {event["state"] for _, event in seen} == {"queued"}


@pytest.mark.parametrize(
    ("before", "now", "is_news"),
    [
        (Forecast(5000), Forecast(4960), False),
        (Forecast(5000), Forecast(4900), True),
        (Forecast(2), Forecast(1), True),
        (Forecast(2), Forecast(2, no_worker=True), True),
        (Forecast(1, 30), Forecast(1, 31), False),
        (Forecast(1, 30), Forecast(1, 33), True),
        (Forecast(1, 36_000), Forecast(1, 36_300), False),
        (Forecast(1, 36_000), Forecast(1, 36_500), True),
        (Forecast(1), Forecast(1, 30), True),
    ],
)
def test_a_forecast_is_news_if_it_moves_noticeably(
    before: Forecast, now: Forecast, *, is_news: bool
) -> None:
    """`eta` is given in seconds from now."""
    at, job = time.time(), make_job()
    old, new = (
        JobStatus(job, replace(one, eta=one.eta and at + one.eta), ListedJob())
        for one in (before, now)
    )
    assert events._differ(old, new) == is_news
