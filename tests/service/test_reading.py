"""Many jobs at once over HTTP: assignments, verdicts, and labels of unusual size."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

import tessera_client
from jobs.settings import Settings
from models.registry import Registry
from service.app import create_app
from service.auth import Caller, HttpCaller, Permission, Principal
from tests.service.test_worklist import Stream
from tests.support.answers import check_problem
from tests.support.finished_jobs import run_job
from tests.support.finished_rows import add_finished, report_of
from tests.support.gateway import Gateway
from tests.support.images import nifti_bytes
from tests.support.served_app import served
from tests.support.waiting import until


@pytest.fixture
def jobs(gateway: Gateway) -> Iterator[list[str]]:
    """Three jobs, of which the first two have masks; deleted after the test."""
    scan = gateway.scan(nifti_bytes(seed=170), "reading.nii.gz")
    ids = [str(gateway.job(scan=scan, model="solid", priority=9)["id"]) for _ in range(3)]
    for job in ids[:2]:
        run_job(gateway, job, np.ones((5, 6, 7), np.uint8))
    yield ids
    gateway.client.post(f"/v1/jobs/{ids[2]}/cancel")
    gateway.client.delete(f"/v1/scans/{scan}")


def test_a_job_is_assigned(gateway: Gateway, jobs: list[str]) -> None:
    """It shows in the job, in lists, in counts and in the stream; an unseen change is a 409."""
    path = f"/v1/jobs/{jobs[2]}/assignee"
    stream = Stream(gateway, [jobs[2]])
    until(lambda: jobs[2] in stream.jobs)
    assigned = gateway.client.put(path, json={"assignee": " Ada ", "seen": ""})
    assert assigned.json()["assignee"] == "Ada"
    until(lambda: stream.jobs[jobs[2]]["assignee"] == "Ada")
    problem = check_problem(gateway.client.put(path, json={"assignee": "Eve", "seen": ""}), 409)
    assert "assigned to another reader meanwhile" in str(problem["detail"])
    query = {"assignee": "Ada", "text": "reading"}
    (listed,) = gateway.client.get("/v1/jobs", params=query).json()["jobs"]
    assert listed["id"] == jobs[2]
    counts = gateway.client.get("/v1/jobs/counts", params={"text": "reading"}).json()
    assert counts["assignees"] == {"Ada": 1}
    for assignee, number in (("", 2), (["", "Ada"], 3), ("Eve", 0)):
        wanted = {"assignee": assignee, "text": "reading"}
        assert gateway.client.get("/v1/jobs/counts", params=wanted).json()["total"] == number
    assert gateway.client.put(path, json={"assignee": ""}).json()["assignee"] is None
    check_problem(gateway.client.put("/v1/jobs/none/assignee", json={"assignee": "Ada"}), 404)
    for odd in "\0\n\u202e":
        check_problem(gateway.client.put(path, json={"assignee": f"A{odd}B"}), 422)
    for bad in ({}, {"assignee": "x" * 201}, {"assignee": "A", "by": "B"}):
        check_problem(gateway.client.put(path, json=bad), 422)


def test_jobs_are_judged_and_assigned_together(gateway: Gateway, jobs: list[str]) -> None:
    """A repeated request gets the same response; the client does all of it, too."""
    body = {"verdict": "accepted", "jobs": [{"id": job} for job in jobs], "reviewer": "Ada"}
    sent = [
        gateway.client.post("/v1/batch-reviews", json=body, headers={"Idempotency-Key": jobs[0]})
        for _ in range(2)
    ]
    assert sent[0].status_code == 201
    assert sent[0].json() == sent[1].json()
    outcomes = [one["outcome"] for one in sent[0].json()["results"]]
    assert outcomes == ["done", "done", "unfinished"]
    first = gateway.client.get(f"/v1/jobs/{jobs[0]}").json()
    assert (first["verdict"], first["reviewer"]) == ("accepted", "Ada")
    assert first["review"] == sent[0].json()["results"][0]["review"]
    batch = sent[0].json()["id"]
    with tessera_client.Client(str(gateway.client.base_url)) as client:
        known = {jobs[0]: first["review"], jobs[1]: ""}
        again = client.review_many(known, "rejected", reasons=["leak"], replace=True)
        assert [one.outcome for one in again.results] == ["done", "newer-review"]
        assert client.withdraw_reviews(again.id) == (jobs[0],)
        assert set(client.withdraw_reviews(batch)) == set(jobs[:2])
        assert client.withdraw_reviews(batch) == ()
        assert client.job(jobs[0]).verdict is None
        assert [one.outcome for one in client.assign_many([*jobs, "none"], "Ada")] == [
            *["done"] * 3,
            "not-found",
        ]
        assert {job.id for job in client.jobs(assignee="Ada")} == set(jobs)
        assert client.assign(jobs[0], "", seen="Ada").assignee is None
        with pytest.raises(tessera_client.Conflict):
            client.assign(jobs[1], "Eve", seen="")
    check_problem(gateway.client.post("/v1/batch-reviews/none/withdraw"), 404)


GOOD: dict[str, Any] = {"verdict": "rejected", "jobs": [{"id": "a"}]}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("batch-reviews", GOOD | {"verdict": "corrected"}),
        ("batch-reviews", GOOD | {"jobs": []}),
        ("batch-reviews", GOOD | {"jobs": [{"id": f"j{n}"} for n in range(1001)]}),
        ("batch-reviews", GOOD | {"jobs": [{"id": "a"}, {"id": "a"}]}),
        ("batch-reviews", GOOD | {"jobs": [{"id": "a", "seen": "\0"}]}),
        ("batch-reviews", GOOD | {"verdict": "accepted", "reasons": ["leak"]}),
        ("batch-reviews", GOOD | {"reasons": ["leak", "leak"]}),
        ("assignments", {"assignee": "A", "jobs": []}),
        ("assignments", {"jobs": [{"id": "a"}]}),
        ("assignments", {"assignee": "A", "jobs": [{"id": f"j{n}"} for n in range(1001)]}),
    ],
)
def test_bad_requests(gateway: Gateway, path: str, body: dict[str, Any]) -> None:
    check_problem(gateway.client.post(f"/v1/{path}", json=body), 422)


def test_unusual_sizes_are_reported(gateway: Gateway) -> None:
    """The gateway compares by itself, and followers are told."""
    scan = gateway.scan(nifti_bytes(seed=171), "sizes.nii.gz")
    changes = {"project": "local", "scans": {"t1": scan}, "model": "sized", "queue": "none"}
    usual = [f"usual{n}" for n in range(20)]
    with gateway.repository() as repository:
        add_finished(repository, "large", report_of(liver=5_032.0), **changes)
        for n, job in enumerate(usual):
            add_finished(repository, job, report_of(liver=1_470.0 + n), **changes)
    stream = Stream(gateway, ["large"])
    body = {"verdict": "accepted", "jobs": [{"id": job} for job in usual]}
    gateway.client.post("/v1/batch-reviews", json=body)
    until(lambda: stream.jobs.get("large", {}).get("unusual_sizes"))
    (liver,) = stream.jobs["large"]["unusual_sizes"]
    assert liver["ratio"] == pytest.approx(3.4, abs=0.01)
    known = {"label": 1, "name": "liver", "size": 5032.0, "unit": "ml", "masks": 20}
    assert liver | known == liver
    body = {"verdict": "accepted", "jobs": [{"id": "large"}]}
    answer = gateway.client.post("/v1/batch-reviews", json=body).json()
    assert answer["results"][0]["outcome"] == "doubted"
    query: dict[str, Any] = {"sort": "suspicion", "text": "sizes", "limit": 1}
    (first,) = gateway.client.get("/v1/jobs", params=query).json()["jobs"]
    assert first["id"] == "large"
    gateway.client.delete(f"/v1/scans/{scan}")


class Accounts:
    """Callers state the name of their account; `Ada` may do all, the others may not assign."""

    def authenticate(self, caller: Caller) -> Principal:
        name = caller.authorization if isinstance(caller, HttpCaller) else ""
        most = set(Permission) - {Permission.JOBS_ASSIGN}
        allowed = frozenset(Permission) if name in ("Ada", "") else frozenset(most)
        return Principal(name or "task", "local", allowed, reader=name)


def test_accounts(tmp_path: Path, models: Path) -> None:
    """Names of verdicts come from accounts; others cannot withdraw them, or assign without
    permission."""
    app = create_app(Settings(data=tmp_path, broker_url="file://"), Registry(models), Accounts())
    with served(app) as client:

        def as_(name: str, method: str, path: str, body: Any = None) -> httpx.Response:
            return client.request(method, path, json=body, headers={"Authorization": name})

        mine = as_("Bob", "GET", "/v1/account").json()
        assert (mine["reader"], mine["project"]) == ("Bob", "local")
        assert "jobs:assign" not in mine["permissions"]
        sent = {"files": ("scan.nii", nifti_bytes(seed=82))}
        scan = client.post("/v1/scans", files=sent).json()["id"]
        job = client.post("/v1/jobs", json={"scan": scan, "model": "solid"}).json()["id"]
        for path in (f"/v1/jobs/{job}/assignee", "/v1/assignments"):
            method = "PUT" if path.endswith("assignee") else "POST"
            check_problem(as_("Bob", method, path, {"assignee": "Bob"}), 403)
        body = {"verdict": "accepted", "jobs": [{"id": job}], "reviewer": "Eve"}
        batch = as_("Bob", "POST", "/v1/batch-reviews", body).json()
        check_problem(as_("Eve", "POST", f"/v1/batch-reviews/{batch['id']}/withdraw"), 403)
        withdrawn = as_("Bob", "POST", f"/v1/batch-reviews/{batch['id']}/withdraw")
        assert withdrawn.json() == {"jobs": []}
