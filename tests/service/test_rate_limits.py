"""Rate limits: buckets with a clock of the test, and the answers of a gateway."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from imaging.errors import Unavailable
from jobs.project_limits import ProjectLimits
from jobs.repository import Repository
from jobs.settings import Settings
from models.registry import Registry
from service.app import create_app
from service.auth import Caller, HttpCaller, LocalAdministrator, Permission, Principal
from service.resources.rate_limits import REFRESH_S, Grant, RateLimits
from tests.support.answers import check_problem
from tests.support.images import nifti_bytes
from tests.support.served_app import served


class Clock:
    """Seconds, as the test says."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_is_filled_evenly() -> None:
    clock = Clock()
    limits = RateLimits(30, dict, clock)
    assert [limits.take("ada", "a")[0].left for _ in range(30)] == list(range(29, -1, -1))
    assert limits.take("ada", "a") == [Grant("caller", 30, 0, 60, wait_s=2)]
    assert limits.take("bea", "a")[0].wait_s == 0, "each caller has its own"
    assert limits.take("ada", "b")[0].wait_s == 0, "in each project"
    clock.now += 2.0
    assert limits.take("ada", "a") == [Grant("caller", 30, 0, 60, wait_s=0)]
    assert limits.take("ada", "a")[0].wait_s == 2
    clock.now += 600.0
    assert limits.take("ada", "a") == [Grant("caller", 30, 29, 2, wait_s=0)]


def test_a_refused_request_takes_nothing() -> None:
    """Neither from the caller, nor from the project, whose limit is read again from time to
    time."""
    clock, projects = Clock(), {"a": ProjectLimits(requests_per_minute=1)}
    limits = RateLimits(60, lambda: projects, clock)
    assert limits.is_stale()
    assert not limits.is_stale(), "one caller reads them"
    limits.refresh()
    limits.take("ada", "a")
    caller, project = limits.take("ada", "a")
    assert (caller.left, caller.wait_s) == (59, 0)
    assert (project.policy, project.left, project.wait_s) == ("project", 0, 60)
    projects = {}
    clock.now += REFRESH_S + 1
    assert limits.is_stale()
    limits.refresh()
    assert [one.policy for one in limits.take("ada", "a")] == ["caller"]


def test_limits_stay_while_the_database_is_unavailable() -> None:
    answers: list[object] = [{"a": ProjectLimits(requests_per_minute=5)}]

    def read() -> dict[str, ProjectLimits]:
        if not answers:
            raise Unavailable("The database does not answer.")
        return answers.pop()  # type: ignore[return-value]

    limits = RateLimits(0, read)
    assert limits.take("ada", "a") == ()
    for _ in range(2):
        limits.refresh()
        assert limits.take("ada", "a")[0].per_minute == 5


class Named:
    """Callers by project and name: the header `Authorization: project/name`."""

    def authenticate(self, caller: Caller) -> Principal:
        if not isinstance(caller, HttpCaller):
            return LocalAdministrator().authenticate(caller)
        project, _, name = caller.authorization.partition("/")
        return Principal(name, project, frozenset(Permission))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data", broker_url="file://", requests_per_minute=60)


@pytest.fixture
def client(settings: Settings, models: Path) -> Iterator[httpx.Client]:
    with served(create_app(settings, Registry(models), Named())) as client:
        yield client


def test_answers_of_a_gateway(client: httpx.Client, settings: Settings) -> None:
    """Limits of callers and projects; what is not counted; 50 clients against quotas."""
    ada = {"Authorization": "a/ada"}
    files = {"files": ("scan.nii", nifti_bytes())}
    scan = client.post("/v1/scans", files=files, headers=ada).json()
    order = {"scan": scan["id"], "model": "solid"}

    repository = Repository(settings.database)
    repository.quotas.set("a", ProjectLimits(stored_bytes=scan["bytes"] + 10, waiting_jobs=7))
    with ThreadPoolExecutor(50) as clients:
        answers = list(
            clients.map(
                lambda n: client.post("/v1/jobs", json=order, headers={"Authorization": f"a/{n}"}),
                range(50),
            )
        )
    accepted = [answer for answer in answers if answer.status_code == 202]
    assert len(accepted) == 7
    refused = next(answer for answer in answers if answer.status_code != 202)
    assert check_problem(refused, 429)["type"] == "urn:tessera:queue-limit-reached"
    assert refused.headers["retry-after"] == "30"

    files = {"files": ("other.nii", nifti_bytes(seed=1))}
    tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "11"}
    for full in (
        client.post("/v1/scans", files=files, headers=ada),
        client.post("/v1/uploads", headers=ada | tus),
    ):
        assert check_problem(full, 507)["type"] == "urn:tessera:storage-limit-reached"
        assert "retry-after" not in full.headers
    assert client.get("/v1/scans", headers=ada).json()["scans"] == [scan]

    bea = {"Authorization": "b/bea"}
    first = client.get("/v1/jobs", headers=bea)
    assert first.headers["ratelimit-policy"] == '"caller";q=60;w=60'
    assert first.headers["ratelimit"] == '"caller";r=59;t=1'
    job = accepted[0].json()["id"]
    assert "ratelimit" not in client.get("/healthz", headers=bea).headers
    with client.stream("GET", f"/v1/jobs/{job}/events", headers=ada) as followed:
        assert followed.status_code == 200
        assert "ratelimit" not in followed.headers
    answers = [client.get("/v1/account", headers=bea)]
    while answers[-1].status_code == 200:
        assert len(answers) < 1000
        answers.append(client.get("/v1/account", headers=bea))
    assert len(answers) >= 60
    refused = answers[-1]
    assert check_problem(refused, 429)["type"] == "urn:tessera:too-many-requests"
    assert refused.headers["retry-after"] == "1"
    assert refused.headers["ratelimit"].startswith('"caller";r=0;t=')
    assert client.get("/v1/account", headers=ada).status_code == 200
