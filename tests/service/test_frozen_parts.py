"""A part that is frozen: callers of it get a 503 in bounded time, everyone else is served."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest

from inference.runtime_registry import queue_names
from jobs.settings import Settings
from tests.support.answers import check_problem
from tests.support.freezing import frozen, postgres_pid
from tests.support.gateway import Gateway, Start
from tests.support.images import nifti_bytes
from tests.support.rabbitmq import ON_RABBITMQ, RabbitMQ
from tests.support.redis import Redis
from tests.support.s3 import ObjectStore
from tests.support.waiting import until

CALLERS = 60
"""More than the gateway has threads."""
BOUND_S = 90.0
"""Until a caller has its 503, on a machine that is busy with other tests; usually 3 to 6 s."""
SOON_S = 5.0
"""As long as health and page may take there; usually some milliseconds."""
IMPATIENT = """
from datetime import timedelta
from jobs.blobs import bucket
bucket._SILENCE = bucket._TIMEOUT = timedelta(seconds=2)
"""


@contextmanager
def callers(gateway: Gateway, method: str, path: str, **body: object) -> Iterator[list[float]]:
    """Many callers who must each get a 503; yields the list of the seconds that they waited."""
    waited: list[float] = []

    def call() -> None:
        start = time.monotonic()
        check_problem(httpx.request(method, gateway.client.base_url.join(path), timeout=120), 503)
        waited.append(time.monotonic() - start)

    with ThreadPoolExecutor(CALLERS) as pool:
        calls = [pool.submit(call) for _ in range(CALLERS)]
        yield waited
        for one in calls:
            one.result()


def check_unaffected(gateway: Gateway, waited: list[float]) -> None:
    """Health and page answer as long as callers wait."""
    while len(waited) < CALLERS:
        for path in ("/healthz", "/", "/no-such-page"):
            start = time.monotonic()
            assert gateway.client.get(path).status_code in (200, 404)
            assert time.monotonic() - start < SOON_S, path
        time.sleep(0.1)


def test_a_frozen_database(start_gateway: Start, postgres_url: str) -> None:
    gateway = start_gateway(database_url=postgres_url)
    scan = gateway.scan(nifti_bytes())
    with frozen(postgres_pid(postgres_url)):
        with callers(gateway, "GET", f"/v1/scans/{scan}") as waited:
            check_unaffected(gateway, waited)
        assert max(waited) < BOUND_S
        parts = gateway.client.get("/readyz").json()["parts"]
        assert (parts["database"] != "ok", parts["blobs"]) == (True, "ok")
    until(lambda: gateway.client.get(f"/v1/scans/{scan}").status_code == 200)
    assert gateway.client.get("/readyz").status_code == 200


@pytest.fixture(params=[pytest.param("redis", marks=pytest.mark.process), ON_RABBITMQ])
def broker(request: pytest.FixtureRequest) -> Redis | RabbitMQ:
    """A broker that the test may freeze, one after the other of each kind."""
    found: Redis | RabbitMQ = request.getfixturevalue(request.param)
    return found


def test_a_frozen_broker(start_gateway: Start, broker: Redis | RabbitMQ) -> None:
    """Jobs are accepted all the same; the messages follow."""
    gateway = start_gateway(broker_url=broker.url)
    scan = gateway.scan(nifti_bytes())
    assert broker.process is not None
    with frozen(broker.process.pid):
        with ThreadPoolExecutor(CALLERS) as pool:
            list(pool.map(lambda _: gateway.job(scan=scan, model="solid"), range(CALLERS)))
        start = time.monotonic()
        assert gateway.client.get(f"/v1/scans/{scan}").status_code == 200
        assert time.monotonic() - start < SOON_S
        assert gateway.client.get("/readyz").json()["parts"]["broker"] != "ok"
    with gateway.repository() as repository:
        sent = repository.messages.count_sent
        until(lambda: sum(map(sent, queue_names())) == CALLERS)


@pytest.mark.slow
def test_a_frozen_object_store(
    start_gateway: Start, s3_settings: Settings, object_store: ObjectStore
) -> None:
    names = ("blob_url", "s3_endpoint", "s3_access_key", "s3_secret_key")
    settings = {name: str(getattr(s3_settings, name)) for name in names}
    gateway = start_gateway(prelude=IMPATIENT, **settings)
    # The store's first write can take longer than an impatient gateway waits.
    until(lambda: gateway.upload(nifti_bytes()).status_code in (200, 201))
    scan = gateway.scan(nifti_bytes())
    with frozen(object_store.pid):
        with callers(gateway, "GET", f"/v1/scans/{scan}/volume") as waited:
            check_unaffected(gateway, waited)
        assert max(waited) < BOUND_S
        assert gateway.client.get(f"/v1/scans/{scan}").status_code == 200
    until(lambda: gateway.client.get(f"/v1/scans/{scan}/volume").status_code == 200)
