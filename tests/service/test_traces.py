"""A job's trace from upload to delivery: a real gateway and worker, and what a collector receives.

One run serves most tests: a DICOM series is uploaded, segmented, pushed to an archive and announced
by a webhook, an archive is searched for a patient, and two jobs are placed as a batch.
"""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import httpx
import pytest

from tests.support.dicom.archive import LABELMAP, SEG, archive
from tests.support.dicom.mr_series import DESCRIPTION, NUMBER, PATIENT, as_bytes, series
from tests.support.images import nifti_bytes
from tests.support.installation import MODEL, Installation
from tests.support.otlp import CALLER_SPAN, CALLER_TRACE, TRACEPARENT, ReceivedSpan, received_spans
from tests.support.slow_peer import JSON, slow_peer
from tests.support.waiting import until
from tests.support.webhook_receiver import SECRET, Receiver, receiver, status

pytestmark = pytest.mark.process
STEPS = [
    *("fetch scans", "open scans", "prepare network", "read scans", "segment", "postprocess"),
    *("write mask", "store mask", "report result"),
]
"""Of the worker, in their order."""
ROUTES = """
[[peer]]
name = "archive"
host = "127.0.0.1"
port = {archive}
ae_title = "ARCHIVE"

[[peer]]
name = "web"
dicomweb = "http://127.0.0.1:{web}"

[[webhook]]
name = "ris"
url = "http://127.0.0.1:{webhook}/hook?patient=4711"
secret_env = "RIS_SECRET"
private = true
"""


@dataclass(frozen=True)
class Run:
    """What the run left."""

    job: str
    batch: str
    batch_jobs: list[str]
    scan: str
    spans: list[ReceivedSpan]
    exported: bytes
    log: str

    def of_job(self) -> list[ReceivedSpan]:
        return [span for span in self.spans if span.trace == CALLER_TRACE]

    def named(self, name: str) -> ReceivedSpan:
        """The only span of the caller's trace with this name."""
        (span,) = (span for span in self.of_job() if span.name == name)
        return span


def _ended(client: httpx.Client, job: str) -> bool:
    state = client.get(f"/v1/jobs/{job}").json()["state"]
    assert state not in ("failed", "cancelled")
    return bool(state == "succeeded")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    images = series(8, 32)
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        collector = stack.enter_context(receiver(status(200)))
        hook = stack.enter_context(receiver())
        store = stack.enter_context(archive((SEG, LABELMAP)))
        web = stack.enter_context(slow_peer(JSON, b""))
        for name, value in {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.port}",
            "OTEL_BSP_SCHEDULE_DELAY": "50",
            "FASTAPI_OTEL_AUTO_CONFIGURE": "true",  # its spans have whole queries
            "RIS_SECRET": SECRET,
        }.items():
            patch.setenv(name, value)
        installation = Installation(tmp_path_factory.mktemp("traces"))
        stack.callback(installation.end)
        client = installation.gateway(
            ROUTES.format(archive=store.port, web=web.port, webhook=hook.port),
            log_format="json",
            dicom_port="0",
        ).client
        installation.worker(log_format="json")
        caller = {"traceparent": TRACEPARENT, "baggage": f"patient={NUMBER}"}
        files = [("files", (f"{PATIENT}-{n}.dcm", as_bytes(one))) for n, one in enumerate(images)]
        scan = client.post("/v1/scans", files=files, headers=caller).raise_for_status().json()["id"]
        order = {"scan": scan, "model": MODEL, "priority": 9}
        job = client.post("/v1/jobs", json=order, headers=caller).raise_for_status().json()["id"]
        wanted = {"to": ["archive"], "formats": ["dicom-seg"]}
        client.post(f"/v1/jobs/{job}/deliveries", json=wanted).raise_for_status()
        search = {"PatientID": NUMBER, "PatientName": PATIENT}
        client.get("/v1/peers/web/series", params=search, headers=caller).raise_for_status()
        orders = {"name": PATIENT, "jobs": [{"scan": scan, "model": MODEL}] * 2}
        batch = client.post("/v1/batches", json=orders).raise_for_status().json()
        until(lambda: all(_ended(client, one) for one in (job, *batch["jobs"])))
        until(lambda: store.stored)
        until(lambda: len(set(hook.ids)) == 4)
        installation.end()
        yield Run(
            job,
            batch["id"],
            batch["jobs"],
            scan,
            received_spans(collector),
            b"".join(request.body for request in collector.requests),
            installation.logs(),
        )


def test_one_trace_from_upload_to_delivery(run: Run) -> None:
    """It is the caller's, and a tree."""
    names = sorted(span.name for span in run.of_job())
    assert names == sorted(
        [
            *("POST /v1/scans", "take in scans", "POST /v1/jobs", "send message"),
            *("wait in queue", "run job", *STEPS, "deliver result", "send webhook"),
            "GET /v1/peers/{name}/series",
        ]
    )
    ids = {span.id for span in run.of_job()} | {CALLER_SPAN}
    assert all(span.parent in ids for span in run.of_job())
    placed = run.named("POST /v1/jobs")
    for name in ("wait in queue", "run job", "deliver result", "send webhook", "send message"):
        assert run.named(name).parent == placed.id
    assert placed.parent == run.named("POST /v1/scans").parent == CALLER_SPAN
    assert [span.name for span in run.of_job() if span.parent == run.named("run job").id] == STEPS


def test_the_upload_is_linked(run: Run) -> None:
    taken = run.named("take in scans")
    assert run.named("POST /v1/jobs").links == ((CALLER_TRACE, taken.id),)


def test_times(run: Run) -> None:
    """Steps follow each other within the attempt, which follows the wait."""
    wait, attempt = run.named("wait in queue"), run.named("run job")
    steps = [run.named(name) for name in STEPS]
    assert run.named("POST /v1/jobs").start <= wait.start + 5e7  # the job's own time is in ms
    assert wait.end <= attempt.start
    for before, after in pairwise(steps):
        assert before.end <= after.start
    assert attempt.start <= steps[0].start
    assert steps[-1].end <= attempt.end
    assert run.named("segment").end > run.named("segment").start
    assert run.named("deliver result").start >= steps[-1].start


def test_attributes(run: Run) -> None:
    job = {
        "tessera.job.id": run.job,
        "tessera.model.name": MODEL,
        "tessera.model.version": "1",
    }
    attempt = run.named("run job")
    facts = {key: attempt.attributes[key] for key in ("tessera.device", "tessera.precision")}
    assert all(facts.values())
    assert attempt.attributes == {
        **job,
        **facts,
        "tessera.attempt": 1,
        "tessera.queue": "any",
        "tessera.tiles": 1,
        "tessera.job.outcome": "succeeded",
    }
    assert run.named("POST /v1/jobs").attributes == {
        **job,
        "http.request.method": "POST",
        "http.route": "/v1/jobs",
        "http.response.status_code": 202,
    }
    assert run.named("deliver result").attributes == {
        **job,
        "tessera.attempt": 1,
        "tessera.delivery.destination": "archive",
        "tessera.delivery.format": "dicom-seg",
    }
    assert run.named("send webhook").attributes["http.response.status_code"] == 204
    assert {span.service for span in run.spans} == {"tessera-gateway", "tessera-worker"}
    assert [span.name for span in run.spans if span.failed] == []


def test_jobs_of_a_batch_have_traces_of_their_own(run: Run) -> None:
    """They are linked to the request of the batch, and to the upload."""
    (request,) = (span for span in run.spans if span.name == "POST /v1/batches")
    placed = [span for span in run.spans if span.name == "place job"]
    assert [span.attributes["tessera.job.id"] for span in placed] == run.batch_jobs
    assert len({span.trace for span in (request, *placed)}) == 3
    for one in placed:
        upload = (CALLER_TRACE, run.named("take in scans").id)
        assert one.links == ((request.trace, request.id), upload)
        assert one.attributes["tessera.batch.id"] == run.batch
        (attempt,) = (s for s in run.spans if s.trace == one.trace and s.name == "run job")
        assert attempt.parent == one.id
        (message,) = (s for s in run.spans if s.trace == one.trace and s.name == "send webhook")
        assert message.parent == one.id
    (finished,) = (
        span
        for span in run.spans
        if span.attributes.get("tessera.webhook.event") == "batch.finished"
    )
    assert finished.attributes["tessera.batch.id"] == run.batch


def test_only_requests_that_matter_are_traced(run: Run) -> None:
    """Not those that ask how a job is doing."""
    assert {span.name for span in run.spans if span.name.startswith(("GET", "HEAD"))} == {
        "GET /v1/peers/{name}/series"
    }


def test_nothing_of_a_patient_leaves(run: Run) -> None:
    uids = [str(getattr(series(1)[0], name)) for name in ("SeriesInstanceUID", "SOPInstanceUID")]
    marks = [PATIENT, NUMBER, DESCRIPTION, ".dcm", "ACC-99", "patient", "127.0.0.1", *uids]
    marks += [run.scan, "/hook", "python-httpx"]
    assert run.job.encode() in run.exported
    assert [mark for mark in marks if mark.encode() in run.exported] == []
    parts = ("Norma", "NR-4711", "4711-SECRET", "=4711")  # not 4711, which ids may contain
    assert [part for part in parts if part.encode() in run.exported] == []


def test_log_lines_name_the_trace(run: Run) -> None:
    entries = [json.loads(line) for line in run.log.splitlines() if line.startswith("{")]
    about_job = [e for e in entries if e["message"] == f"job {run.job}: succeeded"]
    assert [e["trace_id"] for e in about_job] == [CALLER_TRACE]
    assert about_job[0]["span_id"] == run.named("run job").id
    answered = [e for e in entries if e.get("route") == "/v1/jobs" and e["method"] == "POST"]
    assert [e["trace_id"] for e in answered] == [CALLER_TRACE]
    polled = [e for e in entries if e.get("route") == "/v1/jobs/{job_id}"]
    assert polled
    assert all("trace_id" not in e for e in polled)


def _frozen(collector: Receiver) -> Any:
    return lambda _handler: collector.over.wait(120)


def test_a_frozen_collector_holds_nobody_up(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job succeeds, and gateway and worker end long before the exporter gives up."""
    with receiver(status(200)) as collector:
        collector.answer = _frozen(collector)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.port}")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "90")
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
        client = installation.gateway(dicom_port="0").client
        installation.worker()
        scan = client.post("/v1/scans", files={"files": ("a.nii", nifti_bytes((20, 20, 20)))})
        order = {"scan": scan.raise_for_status().json()["id"], "model": MODEL}
        job = client.post("/v1/jobs", json=order).raise_for_status().json()["id"]
        until(lambda: _ended(client, job))
        until(lambda: len(collector.requests) == 2)
        started = time.monotonic()
        installation.end()
        assert time.monotonic() - started < 20
        assert "the collector did not receive" in installation.logs()
