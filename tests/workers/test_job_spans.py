"""The spans of a worker: they continue the trace of the job that was claimed, at every attempt."""

import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from inference.engine import Engine
from jobs import tracing
from models.registry import Registry
from tests.support.cluster import Cluster, noise
from tests.support.job_runner import Parts, job_runner
from tests.support.otlp import CALLER_SPAN, CALLER_TRACE, TRACEPARENT, ReceivedSpan, received_spans
from tests.support.webhook_receiver import Receiver, receiver, status
from workers.job_attempt import JobAttempt
from workers.job_runner import JobRunner
from workers.shutdown import Shutdown


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiver(status(200)) as running:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{running.port}")
        yield running


@pytest.fixture
def parts(idle_cluster: Cluster, tmp_path: Path) -> Parts:
    """For jobs of the scan `little`."""
    idle_cluster.scan(noise(tmp_path / "little.nii", 24), "little")
    engine = Engine(Registry(idle_cluster.settings.added_models), "cpu", threads=1)
    return Parts(idle_cluster, engine, tmp_path)


@pytest.fixture
def runner(parts: Parts) -> JobRunner:
    return job_runner(parts)


def attempts(collector: Receiver) -> list[ReceivedSpan]:
    return [span for span in received_spans(collector) if span.name == "run job"]


def test_a_message_may_claim_another_job(
    idle_cluster: Cluster, runner: JobRunner, collector: Receiver
) -> None:
    """The spans are those of the job, not of the message."""
    idle_cluster.ask("calm", scan="little", priority=1)
    idle_cluster.ask("urgent", scan="little", priority=9, traceparent=TRACEPARENT)
    with tracing.exported("worker"):
        runner.run("calm")
        runner.run("urgent")
        runner.close()
    urgent, calm = attempts(collector)
    assert (urgent.trace, urgent.parent) == (CALLER_TRACE, CALLER_SPAN)
    assert urgent.attributes["tessera.job.id"] == "urgent"
    assert calm.attributes["tessera.job.id"] == "calm"
    assert calm.trace != CALLER_TRACE


def test_an_attempt_after_a_lost_worker_continues_the_trace(
    idle_cluster: Cluster, runner: JobRunner, collector: Receiver
) -> None:
    repository = idle_cluster.repository
    idle_cluster.ask("job", scan="little", traceparent=TRACEPARENT, created_at=1_000.0)
    lost = repository.leases.claim("job", "gone", -1.0)
    assert lost is not None
    assert repository.leases.begin("job", lost.fence)
    assert [job.id for job in repository.lost_jobs.take_back(9)] == ["job"]
    repository.messages.mark_sent(["job"])  # as the sweeper does when it sends the message again
    with tracing.exported("worker"):
        runner.run("job")
    (attempt,) = attempts(collector)
    assert (attempt.trace, attempt.parent) == (CALLER_TRACE, CALLER_SPAN)
    assert attempt.attributes["tessera.attempt"] == 2
    assert attempt.attributes["tessera.job.outcome"] == "succeeded"
    (wait,) = (span for span in received_spans(collector) if span.name == "wait in queue")
    assert wait.trace == CALLER_TRACE
    assert (wait.end - wait.start) / 1e9 < 600  # since the message, not since the job was placed


def test_a_failed_attempt(idle_cluster: Cluster, runner: JobRunner, collector: Receiver) -> None:
    idle_cluster.ask("job", scan="little", model="unknown", traceparent=TRACEPARENT)
    with tracing.exported("worker"):
        runner.run("job")
    (attempt,) = attempts(collector)
    assert attempt.failed
    assert attempt.attributes["tessera.job.outcome"] == "failed"
    assert attempt.attributes["error.type"] == "urn:tessera:not-found"
    assert attempt.events == 0


def test_a_job_that_a_stopping_worker_returns(
    idle_cluster: Cluster, parts: Parts, runner: JobRunner, collector: Receiver
) -> None:
    """The next worker continues its trace."""
    idle_cluster.ask("job", scan="little", traceparent=TRACEPARENT)
    (job,) = runner.claims.next_group("job")
    parts.shutdown.on_signal(signal.SIGTERM, None)
    with tracing.exported("worker"):
        attempt = JobAttempt(job, runner.tools)
        attempt.fetch()
        attempt.compute()
        idle_cluster.repository.messages.mark_sent(["job"])
        job_runner(replace(parts, shutdown=Shutdown())).run("job")
    outcomes = [span.attributes["tessera.job.outcome"] for span in attempts(collector)]
    assert outcomes == ["released", "succeeded"]
    assert {span.trace for span in attempts(collector)} == {CALLER_TRACE}
    assert not any(span.failed for span in attempts(collector))
