"""Traces: when they are on, what spans hold, and a collector that does not take them."""

import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from imaging.errors import BadRequest
from jobs import tracing
from jobs.tracing.export import wanted
from tests.support.otlp import CALLER_SPAN, CALLER_TRACE, TRACEPARENT, received_spans
from tests.support.ports import free_port
from tests.support.processes import ROOT
from tests.support.webhook_receiver import Answer, Receiver, receiver, status

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
ON = {ENDPOINT: "http://collector:4318"}


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, False),
        (ON, True),
        ({ENDPOINT: " "}, False),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://collector/v1/traces"}, True),
        (ON | {"OTEL_SDK_DISABLED": "True"}, False),
        (ON | {"OTEL_TRACES_EXPORTER": "none"}, False),
        (ON | {"OTEL_TRACES_EXPORTER": "otlp"}, True),
        (ON | {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, True),
    ],
)
def test_the_environment_turns_traces_on(variables: dict[str, str], expected: bool) -> None:
    assert wanted(variables) is expected


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        (ON | {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "grpc"),
        (ON | {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json"}, "http/json"),
        (ON | {"OTEL_TRACES_EXPORTER": "zipkin"}, "zipkin"),
        ({ENDPOINT: "collector:4318"}, "not the address"),
        ({ENDPOINT: "http://user:secret@:x"}, "not the address"),
    ],
)
def test_what_cannot_work_is_said_once(
    variables: dict[str, str],
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """And the process works without traces."""
    with pytest.raises(BadRequest, match=reason):
        wanted(variables)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with tracing.exported("test"):
        assert not tracing.enabled()
    (message,) = (record.getMessage() for record in caplog.records)
    assert message.startswith("traces are off: ")
    assert "secret" not in message


@pytest.mark.parametrize(
    ("name", "value"),
    [("OTEL_BSP_MAX_QUEUE_SIZE", "1"), ("OTEL_BSP_SCHEDULE_DELAY", "0")],
)
def test_values_that_the_sdk_refuses(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:9")
    monkeypatch.setenv(name, value)
    with tracing.exported("test"):
        assert not tracing.enabled()
    assert "traces are off" in caplog.text


def test_a_missing_extra_is_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "jobs.tracing.otlp", None)
    with tracing.exported("test"), tracing.span("job", None):
        assert tracing.traceparent() is None
    assert caplog.text.count("pip install '.[traces]'") == 1


OFF = """
import asyncio, sys
from pathlib import Path
import cli.worker, service.serve, workers.worker
from jobs import tracing
from jobs.settings import Settings
from service.app import create_app

async def run() -> None:
    app = create_app(Settings(data=Path(sys.argv[1])))
    async with app.router.lifespan_context(app):
        with tracing.exported("worker"), tracing.span("job", None), tracing.step("read"):
            tracing.annotate({"tessera.tiles": 1})

asyncio.run(run())
print([name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exp"))])
"""


@pytest.mark.process
def test_the_sdk_is_not_imported_while_traces_are_off(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", OFF, str(tmp_path / "data")],
        env={"PYTHONPATH": str(ROOT), "TESSERA_CACHE": str(tmp_path)},
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=120,
        check=False,
    )
    assert done.stdout.splitlines()[-1:] == ["[]"], done.stderr


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiver(status(200)) as running:
        monkeypatch.setenv(ENDPOINT, f"http://127.0.0.1:{running.port}")
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
        yield running


def test_spans_continue_a_stored_trace(collector: Receiver) -> None:
    """With the names, times, links and attributes that they were given."""
    hour_ago = time.time() - 3600
    with tracing.exported("tessera-test"):
        with tracing.span("queue", TRACEPARENT, since=hour_ago):
            pass
        with tracing.span(
            "job", TRACEPARENT, links=[TRACEPARENT, None], attributes={"tessera.tiles": 64}
        ):
            stored = tracing.traceparent()
            with tracing.step("segment"):
                assert tracing.current_ids()["trace_id"] == CALLER_TRACE
                assert tracing.traceparent() not in (stored, None)
        assert tracing.traceparent() is None
        with tracing.span("delivery", stored):
            tracing.rename("deliver")
    queue, job, segment, delivery = received_spans(collector)
    assert {span.trace for span in (queue, job, segment, delivery)} == {CALLER_TRACE}
    assert {span.service for span in (queue, job, segment, delivery)} == {"tessera-test"}
    assert queue.parent == job.parent == CALLER_SPAN
    assert segment.parent == delivery.parent == job.id == str(stored).split("-")[2]
    assert job.links == ((CALLER_TRACE, CALLER_SPAN),)
    assert job.attributes == {"tessera.tiles": 64}
    assert abs(queue.start / 1e9 - hour_ago) < 1
    assert 3600 <= (queue.end - queue.start) / 1e9 < 3700
    assert (segment.name, delivery.name) == ("segment", "deliver")
    assert job.start <= segment.start <= segment.end <= job.end


def test_an_error_is_recorded_without_its_message(collector: Receiver) -> None:
    with tracing.exported("test"), pytest.raises(ValueError, match="Miller"):  # noqa: SIM117
        with tracing.span("job", None), tracing.step("read"):
            int("Miller-1961")
    for span in received_spans(collector):
        assert span.failed
        assert span.attributes == {"error.type": "ValueError"}
        assert span.events == 0
    assert b"Miller" not in b"".join(request.body for request in collector.requests)


def test_a_step_alone_is_no_trace(collector: Receiver) -> None:
    """Such as one of a preparation in the background."""
    with tracing.exported("test"), tracing.step("prepare"):
        assert tracing.traceparent() is None
    assert received_spans(collector) == []


@pytest.mark.parametrize(
    "text", ["", "no context", TRACEPARENT.replace(CALLER_TRACE, "0" * 32), "00-" * 500]
)
def test_a_context_that_is_none_begins_a_trace(collector: Receiver, text: str) -> None:
    with tracing.exported("test"), tracing.span("job", text):
        pass
    (span,) = received_spans(collector)
    assert span.trace not in (CALLER_TRACE, "0" * 32)
    assert span.parent == ""


def test_a_caller_that_does_not_sample_is_respected(collector: Receiver) -> None:
    with tracing.exported("test"), tracing.span("job", TRACEPARENT[:-1] + "0"):
        assert str(tracing.traceparent()).endswith("-00")
        assert tracing.current_ids()["trace_id"] == CALLER_TRACE
    assert received_spans(collector) == []


def test_standard_variables_name_the_sender_and_the_sampler(
    collector: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "radiology")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Basic%20eDp5")
    with tracing.exported("test"), tracing.span("job", None):
        pass
    assert received_spans(collector) == []
    monkeypatch.delenv("OTEL_TRACES_SAMPLER")
    with tracing.exported("test"), tracing.span("job", None):
        pass
    (span,) = received_spans(collector)
    assert span.service == "radiology"
    assert collector.requests[0].headers["authorization"] == "Basic eDp5"


def _frozen(running: Receiver) -> Answer:
    return lambda _handler: running.over.wait(60)  # type: ignore[return-value]


@pytest.mark.parametrize("fault", ["refuses", "frozen", "absent"])
def test_a_collector_that_takes_nothing(
    fault: str,
    collector: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Spans are dropped from a bounded queue; nobody waits, and the log says it once."""
    if fault == "absent":
        monkeypatch.setenv(ENDPOINT, f"http://127.0.0.1:{free_port()}")
    collector.answer = _frozen(collector) if fault == "frozen" else status(500)
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "20")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "10")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "30")
    caplog.set_level(logging.INFO)
    started = time.monotonic()
    with tracing.exported("test"):
        for _ in range(200):
            with tracing.span("job", None):
                pass
            time.sleep(0.001)
    assert time.monotonic() - started < 20
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("jobs")]
    refused = "traces: the collector does not receive spans; they are dropped"
    lost = "traces: the collector did not receive 200 of 200 spans"
    assert ours == ([refused, lost] if fault == "refuses" else [lost])  # others are tried for 30 s
    assert len(caplog.records) < 15


def test_a_collector_that_comes_back(
    collector: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    collector.answer = status(500)
    with tracing.exported("test"):
        with tracing.span("lost", None):
            pass
        while "does not receive" not in caplog.text:
            time.sleep(0.01)
        collector.answer = status(200)
        with tracing.span("kept", None):
            pass
        while "receives spans again" not in caplog.text:
            time.sleep(0.01)
    assert received_spans(collector)[-1].name == "kept"
    assert "the collector did not receive 1 of 2 spans" in caplog.text
