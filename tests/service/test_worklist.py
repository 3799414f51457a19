"""The worklist over HTTP: filters, orders, counts, one stream for several jobs, deletion."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import numpy as np
import pytest

from jobs.repository import Repository
from tests.support.answers import check_problem
from tests.support.claims import claimed
from tests.support.dicom.mr_series import as_bytes, series
from tests.support.finished_jobs import run_job
from tests.support.gateway import Gateway, start
from tests.support.images import nifti_bytes
from tests.support.rows import make_job, make_scan
from tests.support.waiting import until

STREAM_S = 30


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, models: Any) -> Iterator[Gateway]:
    """One whose worklist is known, with the jobs of `jobs`."""
    running = start(tmp_path_factory.mktemp("worklist") / "data", models=str(models))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def jobs(gateway: Gateway) -> dict[str, str]:
    """Waiting, cancelled, to review, accepted, and of a DICOM series with a warning: their ids."""
    images = [("files", (f"{n}.dcm", as_bytes(one))) for n, one in enumerate(series())]
    mr = gateway.client.post("/v1/scans", files=images).json()["id"]
    scans = {
        "waiting": gateway.scan(nifti_bytes(seed=80), "Head one.nii.gz"),
        "cancelled": gateway.scan(nifti_bytes(seed=81), "head two.nii.gz"),
        "to_review": gateway.scan(nifti_bytes(seed=82), "knee.nii.gz"),
        "accepted": gateway.scan(nifti_bytes(seed=83), "50% off.nii.gz"),
        "mr": mr,
    }
    ids = {
        name: str(gateway.job(scan=scan, model="solid", priority=n)["id"])
        for n, (name, scan) in enumerate(scans.items())
    }
    gateway.client.post(f"/v1/jobs/{ids['cancelled']}/cancel")
    for name in ("to_review", "accepted"):
        run_job(gateway, ids[name], np.zeros((5, 6, 7), np.uint8))
    with gateway.repository() as repository:
        finish(repository, ids["mr"], warnings=2)
    review = {"verdict": "accepted", "reviewer": "Dr. Okafor"}
    gateway.client.post(f"/v1/jobs/{ids['accepted']}/reviews", json=review)
    return ids


def finish(repository: Repository, job: str, warnings: int) -> None:
    held = claimed(repository, job)
    assert repository.leases.finish(
        job,
        held.fence,
        mask_sha256="a" * 64,
        mask_format="nifti",
        preview_sha256=None,
        report={"warnings": ["It is odd."] * warnings},
    )


def listed(gateway: Gateway, **query: Any) -> list[str]:
    """The ids of all pages."""
    found: list[str] = []
    query = {"limit": 2, **query}
    while True:
        answer = gateway.client.get("/v1/jobs", params=query)
        assert answer.status_code == 200, answer.text
        found += [job["id"] for job in answer.json()["jobs"]]
        if answer.json()["next_cursor"] is None:
            return found
        query["cursor"] = answer.json()["next_cursor"]


FILTERS: list[tuple[dict[str, Any], str]] = [
    ({}, "mr accepted to_review cancelled waiting"),
    ({"state": "queued"}, "waiting"),
    ({"state": ["queued", "cancelled"]}, "cancelled waiting"),
    ({"verdict": "to_review"}, "mr to_review"),
    ({"verdict": ["accepted", "rejected"]}, "accepted"),
    ({"reviewer": "Dr. Okafor"}, "accepted"),
    ({"reviewer": "dr. okafor"}, ""),
    ({"model": "solid", "state": "succeeded"}, "mr accepted to_review"),
    ({"model": "flat"}, ""),
    ({"modality": "MR"}, "mr"),
    ({"text": "HEAD"}, "cancelled waiting"),
    ({"text": "head two"}, "cancelled"),
    ({"text": "0% "}, "accepted"),
    ({"created_before": "2020-01-01T00:00:00Z"}, ""),
    ({"created_from": "2020-01-01T00:00:00+05:00", "state": "queued"}, "waiting"),
    ({"sort": "oldest"}, "waiting cancelled to_review accepted mr"),
    ({"sort": "priority"}, "mr accepted to_review cancelled waiting"),
    ({"sort": "suspicion"}, "mr accepted to_review cancelled waiting"),
    ({"sort": "priority", "state": "succeeded"}, "mr accepted to_review"),
]


@pytest.mark.parametrize(("query", "names"), FILTERS)
def test_filters_and_orders(
    gateway: Gateway, jobs: dict[str, str], query: dict[str, Any], names: str
) -> None:
    expected = [jobs[name] for name in names.split()]
    assert listed(gateway, **query) == expected
    counts = gateway.client.get("/v1/jobs/counts", params=query).json()
    assert counts["total"] == len(expected)
    some = gateway.client.get("/v1/jobs", params={**query, "offset": 1, "limit": 1}).json()
    assert [job["id"] for job in some["jobs"]] == expected[1:2]


def test_counts(gateway: Gateway, jobs: dict[str, str]) -> None:
    assert gateway.client.get("/v1/jobs/counts").json() == {
        "total": 5,
        "states": {"cancelled": 1, "queued": 1, "succeeded": 3},
        "verdicts": {"accepted": 1, "to_review": 2},
        "models": {"solid": 5},
        "modalities": {"MR": 1},
        "reviewers": {"Dr. Okafor": 1},
        "assignees": {},
        "readings": {},
    }


def test_a_job_states_modality_reviewer_and_warnings(
    gateway: Gateway, jobs: dict[str, str]
) -> None:
    def facts(name: str) -> tuple[Any, ...]:
        job = gateway.client.get(f"/v1/jobs/{jobs[name]}").json()
        return job["modality"], job["reviewer"], job["warnings"]

    assert facts("mr") == ("MR", None, 2)
    assert facts("accepted") == (None, "Dr. Okafor", 0)
    scan = gateway.client.get(f"/v1/jobs/{jobs['mr']}").json()["scans"]["t1"]
    assert gateway.client.get(f"/v1/scans/{scan}").json()["modality"] == "MR"


BAD = [
    ({"state": "lost"}, "state"),
    ({"verdict": "maybe"}, "verdict"),
    ({"sort": "random"}, "sort"),
    ({"modality": "mr"}, "modality"),
    ({"text": "\0"}, "text"),
    ({"text": "x" * 201}, "text"),
    ({"reviewer": "\0"}, "reviewer"),
    ({"created_from": "yesterday"}, "created_from"),
    ({"created_from": "2026-01-01T00:00:00"}, "created_from"),
    ({"offset": -1}, "offset"),
    ({"offset": 10**9}, "offset"),
]


@pytest.mark.parametrize(("query", "name"), BAD)
def test_bad_queries(gateway: Gateway, query: dict[str, Any], name: str) -> None:
    problem = check_problem(gateway.client.get("/v1/jobs", params=query), 422)
    assert name in str(problem["detail"])


def test_a_cursor_belongs_to_its_order(gateway: Gateway, jobs: dict[str, str]) -> None:
    page = gateway.client.get("/v1/jobs", params={"sort": "priority", "limit": 1}).json()
    query = {"sort": "oldest", "cursor": page["next_cursor"]}
    check_problem(gateway.client.get("/v1/jobs", params=query), 422)


class Stream:
    """Reads a stream in a thread; the newest state, verdict and event of each job."""

    def __init__(self, gateway: Gateway, ids: list[str]) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.events = 0
        self._answer: httpx.Response | None = None
        url = f"{gateway.client.base_url}/v1/jobs/events"
        self._thread = threading.Thread(target=self._read, args=(url, ids))
        self._thread.start()

    def _read(self, url: str, ids: list[str]) -> None:
        with httpx.stream("GET", url, params={"id": ids}, timeout=STREAM_S) as answer:
            assert answer.status_code == 200
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    job = json.loads(line.removeprefix("data: "))
                    self.jobs[job["id"]] = job
                    self.events += 1

    def ended(self) -> bool:
        return not self._thread.is_alive()


def test_one_stream_for_several_jobs(gateway: Gateway) -> None:
    """Each is sent at once, every change later, also a verdict; it ends when all are deleted."""
    scans = [gateway.scan(nifti_bytes(seed=seed), "stream") for seed in (90, 91)]
    first, second = (str(gateway.job(scan=scan, model="solid")["id"]) for scan in scans)
    other = make_job("of-another", "another", scans={"t1": "theirs"})
    with gateway.repository() as repository:
        repository.scans.add(make_scan("theirs", "another"))
        repository.jobs.add(other)
    stream = Stream(gateway, [first, second, "nonesuch", "of-another"])
    until(lambda: stream.jobs.keys() == {first, second})
    run_job(gateway, first, np.zeros((5, 6, 7), np.uint8))
    until(lambda: stream.jobs[first]["state"] == "succeeded")
    review = {"verdict": "rejected", "reviewer": "Ada"}
    gateway.client.post(f"/v1/jobs/{first}/reviews", json=review)
    until(lambda: stream.jobs[first]["verdict"] == "rejected")
    gateway.client.post(f"/v1/jobs/{first}/reviews", json=review | {"reviewer": "Bob"})
    until(lambda: stream.jobs[first]["reviewer"] == "Bob")
    gateway.client.post(f"/v1/jobs/{second}/cancel")
    until(lambda: stream.jobs[second]["state"] == "cancelled")
    assert not stream.ended()
    for scan in scans:
        gateway.client.delete(f"/v1/scans/{scan}")
    until(stream.ended)
    assert "of-another" not in stream.jobs
    with gateway.repository() as repository:
        repository.jobs.cancel("another", "of-another")
        repository.scans.delete("another", "theirs")


def test_streams_that_are_refused(gateway: Gateway) -> None:
    get = gateway.client.get
    check_problem(get("/v1/jobs/events", params={"id": "nonesuch"}), 404)
    check_problem(get("/v1/jobs/events"), 422)
    check_problem(get("/v1/jobs/events", params={"id": "\0"}), 422)
    check_problem(get("/v1/jobs/events", params={"id": [f"job{n}" for n in range(201)]}), 422)


def test_what_a_deletion_takes(gateway: Gateway) -> None:
    scan = gateway.scan(nifti_bytes(seed=95))
    job = str(gateway.job(scan=scan, model="solid")["id"])
    before = datetime.now(UTC)
    assert gateway.client.get(f"/v1/scans/{scan}/uses").json() == {
        "jobs": 1, "unfinished": 1, "reviews": 0, "holds": [],
    }  # fmt: skip
    run_job(gateway, job, np.zeros((5, 6, 7), np.uint8))
    for verdict in ("accepted", "rejected"):
        gateway.client.post(f"/v1/jobs/{job}/reviews", json={"verdict": verdict})
    assert gateway.client.get(f"/v1/scans/{scan}/uses").json() == {
        "jobs": 1, "unfinished": 0, "reviews": 2, "holds": [],
    }  # fmt: skip
    assert gateway.client.delete(f"/v1/scans/{scan}").status_code == 204
    check_problem(gateway.client.get(f"/v1/scans/{scan}/uses"), 404)
    assert listed(gateway, created_from=before.isoformat(), text="scan") == []
