"""Five gateways over one database and one store answer as one would."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import httpx
import pytest

from tests.support.gateway import Gateway, Start
from tests.support.images import nifti_bytes

GATEWAYS = 5
T = TypeVar("T")


@pytest.fixture(params=["sqlite", "postgres"])
def gateways(request: pytest.FixtureRequest, start_gateway: Start) -> list[Gateway]:
    """Over one folder of files; no worker runs, so that nothing changes by itself."""
    shared: dict[str, str] = {}
    if request.param == "postgres":
        shared["database_url"] = request.getfixturevalue("postgres_url")
    with ThreadPoolExecutor(GATEWAYS) as pool:  # they migrate the empty database together
        return list(pool.map(lambda _: start_gateway(**shared), range(GATEWAYS)))


def all_at_once(gateways: list[Gateway], ask: Callable[[Gateway], T], times: int = 2) -> list[T]:
    with ThreadPoolExecutor(times * len(gateways)) as pool:
        return list(pool.map(ask, gateways * times))


def first_event(gateway: Gateway, job: str) -> dict[str, Any]:
    with gateway.client.stream("GET", f"/v1/jobs/{job}/events") as answer:
        line = next(line for line in answer.iter_lines() if line.startswith("data: {"))
    return dict(json.loads(line.removeprefix("data: ")))


def test_one_or_five(gateways: list[Gateway]) -> None:
    # The same scan, uploaded to all at once: one scan.
    content = nifti_bytes()
    uploads = all_at_once(gateways, lambda gateway: gateway.upload(content))
    assert sorted(answer.status_code for answer in uploads) == [200] * 9 + [201]
    (scan,) = {answer.json()["id"] for answer in uploads}

    # The same key, sent to all at once: one job, and one batch.
    order = {"scan": scan, "model": "solid"}

    def submit(gateway: Gateway) -> httpx.Response:
        headers = {"Idempotency-Key": "once"}
        return gateway.client.post("/v1/jobs", json=order, headers=headers)

    def submit_batch(gateway: Gateway) -> httpx.Response:
        headers = {"Idempotency-Key": "once-more"}
        batch = {"name": "b", "jobs": [order | {"priority": n} for n in (9, 1)]}
        return gateway.client.post("/v1/batches", json=batch, headers=headers)

    job, batch = (the_id(all_at_once(gateways, send)) for send in (submit, submit_batch))

    # Another order with the key: a conflict everywhere.
    other, headers = order | {"priority": 0}, {"Idempotency-Key": "once"}
    for gateway in gateways:
        answer = gateway.client.post("/v1/jobs", json=other, headers=headers)
        assert answer.status_code == 409

    # Each job, sent to another gateway, is seen by all in the same way.
    more = [gateway.job(**order, priority=n)["id"] for n, gateway in enumerate(gateways)]
    paths = ["/v1/jobs", "/v1/jobs?limit=3", "/v1/scans", f"/v1/batches/{batch}"]
    paths += [f"/v1/jobs/{name}" for name in (job, *more)]
    for path in paths:
        first, *others = (gateway.client.get(path).json() for gateway in gateways)
        assert others == [first] * (GATEWAYS - 1), path
    jobs = gateways[0].client.get("/v1/jobs").json()["jobs"]
    assert len(jobs) == 1 + 2 + GATEWAYS
    places = {name: place(gateways[1], name) for name in (job, *more)}
    assert list(places.values()) == [2, 8, 7, 5, 4, 3], places

    # A change by one is seen by the streams of all.
    assert gateways[3].client.post(f"/v1/jobs/{job}/cancel").json()["state"] == "cancelled"
    events = [first_event(gateway, job) for gateway in gateways]
    assert events == [events[0]] * GATEWAYS
    assert events[0]["state"] == "cancelled"
    assert [place(gateway, more[4]) for gateway in gateways] == [2] * GATEWAYS


def the_id(answers: list[httpx.Response]) -> str:
    """The id that all of them have."""
    (found,) = {str(answer.json().get("id", answer.text)) for answer in answers}
    return found


def place(gateway: Gateway, job: str) -> int:
    return int(gateway.client.get(f"/v1/jobs/{job}").json()["place_in_queue"])
