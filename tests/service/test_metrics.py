"""The metrics of a gateway: of a whole service, and while a part is frozen."""

import time

from prometheus_client.parser import text_string_to_metric_families

from tests.support.claims import claimed
from tests.support.freezing import frozen, postgres_pid
from tests.support.gateway import Gateway, Start
from tests.support.images import nifti_bytes
from tests.support.metrics_table import described, registries
from tests.support.waiting import until

SCRAPE_S = 10.0
"""Prometheus' default time-out for a scrape."""


def samples(gateway: Gateway) -> dict[tuple[str, ...], float]:
    """(name, label values in the order of their names) -> value."""
    answer = gateway.client.get("/metrics")
    assert answer.status_code == 200, answer.text
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_the_page_of_metrics_has_all(gateway: Gateway) -> None:
    text = gateway.client.get("/metrics").text
    known = {m.name for registry in registries().values() for m, _ in described(registry)}
    exposed = {family.name for family in text_string_to_metric_families(text)}
    ours = {name for name in exposed if not name.startswith("process_")}
    assert {name for name in ours if not name.endswith("_created")} == known


def test_queues_jobs_and_parts(start_gateway: Start) -> None:
    gateway = start_gateway()
    scan = gateway.scan(content := nifti_bytes())
    first = gateway.job(scan=scan, model="solid")
    gateway.job(scan=scan, model="solid")
    with gateway.repository() as repository:
        held = claimed(repository, first["id"])
        problem = {"type": "urn:tessera:bad-model", "title": "x"}
        assert repository.leases.fail(held.id, held.fence, problem)
    found = samples(gateway)
    project = held.project
    assert found["tessera_queue_jobs", "solid", "any"] == 1
    assert ("tessera_queue_seconds", "solid", "any") not in found, "no job has finished"
    assert 0 <= found["tessera_queue_oldest_seconds", "solid", "any"] < 600
    assert found["tessera_project_queue_jobs", "solid", project] == 1
    assert found["tessera_job_attempts_total", "solid", "failed", "any"] == 1
    assert found["tessera_job_failures_total", "bad-model", "solid"] == 1
    assert found["tessera_scan_bytes", project] == len(content)
    assert found["tessera_workers", "ready"] == 0
    assert found["tessera_queue_workers", "cpu"] == 0
    for part in ("database", "broker", "blobs", "disk"):
        assert found["tessera_part_up", part] == 1
    assert 0 < found["tessera_disk_free_bytes",] <= found["tessera_disk_size_bytes",]
    assert found["process_open_fds",] > 0


def test_a_restart_keeps_the_counters(start_gateway: Start) -> None:
    """Two gateways of one database report the same; so does one that was started again."""
    gateway = start_gateway()
    job = gateway.job(scan=gateway.scan(nifti_bytes()), model="solid")
    with gateway.repository() as repository:
        held = claimed(repository, job["id"])
        assert repository.leases.fail(held.id, held.fence, {"title": "x"})
    key = ("tessera_job_attempts_total", "solid", "failed", "any")
    assert samples(gateway)[key] == 1
    other = start_gateway(data=gateway.data)
    assert samples(other)[key] == samples(gateway)[key]


def test_a_scrape_while_the_database_is_frozen(start_gateway: Start, postgres_url: str) -> None:
    gateway = start_gateway(database_url=postgres_url)
    gateway.scan(nifti_bytes())
    assert samples(gateway)["tessera_scans", "local"] == 1
    with frozen(postgres_pid(postgres_url)):
        for _ in range(3):
            began = time.monotonic()
            found = samples(gateway)
            assert time.monotonic() - began < SCRAPE_S
            assert found["tessera_part_up", "database"] == 0
            assert found["tessera_part_up", "blobs"] == 1
            assert found["tessera_upload_bytes_total",] > 0
            assert ("tessera_jobs", "queued") not in found
    until(lambda: ("tessera_jobs", "queued") in samples(gateway))
