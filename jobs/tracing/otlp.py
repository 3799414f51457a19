"""Traces by OpenTelemetry's SDK, sent by OTLP over HTTP. Only this module imports OpenTelemetry.

It has a tracer provider of its own, and sets no global one: FastAPI, Starlette and Redis's client
would record whole URLs and statements with a global one.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.metadata import version

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import (
    SERVICE_INSTANCE_ID,
    SERVICE_NAME,
    SERVICE_VERSION,
    OTELResourceDetector,
    Resource,
)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    Link,
    SpanContext,
    SpanKind,
    StatusCode,
    format_span_id,
    format_trace_id,
    get_current_span,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from jobs.tracing.attributes import Attributes, Kind
from jobs.tracing.delivered_spans import CountedExporter, SpanCount

_CLOSE_S = 1.0
"""How long a process that ends waits for the collector, in seconds. A worker that drains for 8 s
then ends within the 10 s that `docker stop` gives it."""
_HEADER = "traceparent"
_W3C = TraceContextTextMapPropagator()


class OtlpTraces:
    """Records spans; a thread sends them. Recording never waits for the collector."""

    def __init__(self, service: str, instance: str) -> None:
        """Configured by the environment (OTEL_*), which may name another `service`.

        Raises ValueError for values that the SDK does not accept.
        """
        self._count = SpanCount()
        exporter = CountedExporter(OTLPSpanExporter(), self._count)
        batches = BatchSpanProcessor(exporter)  # its thread begins here
        self._provider = TracerProvider(
            resource=_resource(service, instance), shutdown_on_exit=False
        )
        self._provider.add_span_processor(self._count)
        self._provider.add_span_processor(batches)
        self._tracer = self._provider.get_tracer("tessera", version("tessera-seg"))

    def close(self) -> None:
        """Sends what is left, but waits for the collector no longer than a second."""
        closing = threading.Thread(target=self._provider.shutdown, name="traces", daemon=True)
        closing.start()
        closing.join(_CLOSE_S)
        self._count.log_losses()

    def span(
        self,
        name: str,
        parent: str | None,
        kind: Kind,
        links: Sequence[str],
        since: float | None,
        attributes: Attributes,
    ) -> AbstractContextManager[None]:
        """See `jobs.tracing.spans.span`."""
        context = Context() if parent is None else _context(parent)
        spans = [Link(_span_context(one)) for one in links]
        return self._begun(name, context, SpanKind[kind.upper()], spans, since, attributes)

    def step(self, name: str) -> AbstractContextManager[None]:
        """See `jobs.tracing.spans.step`."""
        inside = get_current_span().get_span_context().is_valid
        return self._begun(name) if inside else nullcontext()

    @contextmanager
    def _begun(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        links: Sequence[Link] = (),
        since: float | None = None,
        attributes: Attributes | None = None,
    ) -> Iterator[None]:
        """A span; messages of errors are not recorded, since they may quote patient data."""
        with self._tracer.start_as_current_span(
            name,
            context=context,
            kind=kind,
            links=links,
            start_time=None if since is None else round(since * 1e9),
            attributes=_plain(attributes or {}),
            record_exception=False,
            set_status_on_exception=False,
        ):
            try:
                yield
            except Exception as error:
                self.annotate({"error.type": type(error).__name__})
                raise

    def annotate(self, attributes: Attributes) -> None:
        """See `jobs.tracing.spans.annotate`."""
        current = get_current_span()
        current.set_attributes(_plain(attributes))
        if "error.type" in attributes:
            current.set_status(StatusCode.ERROR)

    def rename(self, name: str) -> None:
        """See `jobs.tracing.spans.rename`."""
        get_current_span().update_name(name)

    def link(self, traceparent: str) -> None:
        """See `jobs.tracing.spans.link`."""
        get_current_span().add_link(_span_context(traceparent))

    def traceparent(self) -> str | None:
        """See `jobs.tracing.spans.traceparent`."""
        headers: dict[str, str] = {}
        _W3C.inject(headers)
        return headers.get(_HEADER)

    def current_ids(self) -> dict[str, str]:
        """See `jobs.tracing.spans.current_ids`."""
        context = get_current_span().get_span_context()
        if not context.is_valid:
            return {}
        return {
            "trace_id": format_trace_id(context.trace_id),
            "span_id": format_span_id(context.span_id),
        }


def _resource(service: str, instance: str) -> Resource:
    """Who sends the spans; what the environment says (OTEL_SERVICE_NAME, ...) comes first."""
    own = {
        SERVICE_NAME: service,
        SERVICE_VERSION: version("tessera-seg"),
        SERVICE_INSTANCE_ID: instance,
    }
    return Resource.create(own).merge(OTELResourceDetector().detect())


def _plain(attributes: Attributes) -> dict[str, str | int]:
    return {str(name): value for name, value in attributes.items()}


def _context(traceparent: str) -> Context:
    """An empty one for a text that is not a trace context. Baggage is not read: it may hold
    anything."""
    return _W3C.extract({_HEADER: traceparent}, Context())


def _span_context(traceparent: str) -> SpanContext:
    return get_current_span(_context(traceparent)).get_span_context()
