"""What a collector receives: spans in OTLP requests, decoded by OpenTelemetry's own messages."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.support.webhook_receiver import Receiver

CALLER_TRACE, CALLER_SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{CALLER_TRACE}-{CALLER_SPAN}-01"
"""The example of the W3C's recommendation."""


@dataclass(frozen=True)
class ReceivedSpan:
    """A span; ids in hexadecimal, times in nanoseconds since the epoch."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    """Empty: it is the first of its trace."""
    links: tuple[tuple[str, str], ...]
    """Trace and span."""
    attributes: dict[str, Any]
    start: int
    end: int
    failed: bool
    events: int


def received_spans(receiver: Receiver) -> list[ReceivedSpan]:
    """All spans that the receiver has, in the order of their beginnings."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    spans: list[ReceivedSpan] = []
    for request in list(receiver.requests):
        assert request.path == "/v1/traces"
        for resource in ExportTraceServiceRequest.FromString(request.body).resource_spans:
            service = str(_values(resource.resource.attributes)["service.name"])
            for scope in resource.scope_spans:
                spans += [_span(service, one) for one in scope.spans]
    return sorted(spans, key=lambda span: span.start)


def _span(service: str, span: Any) -> ReceivedSpan:
    return ReceivedSpan(
        service,
        span.name,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        tuple((one.trace_id.hex(), one.span_id.hex()) for one in span.links),
        _values(span.attributes),
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        span.status.code == span.status.STATUS_CODE_ERROR,
        len(span.events),
    )


def _values(attributes: Iterable[Any]) -> dict[str, Any]:
    return dict(_each(attributes))


def _each(attributes: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    for one in attributes:
        yield one.key, getattr(one.value, one.value.WhichOneof("value"))
