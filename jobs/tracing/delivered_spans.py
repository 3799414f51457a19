"""Counts the spans that the collector has received, and reports losses once instead of always."""

import logging
import threading
from collections.abc import Sequence

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

log = logging.getLogger(__name__)

_SDK_LOGS = (
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.sdk._shared_internal",
)
"""They report each batch that fails, and each span for which the queue has no space."""


class SpanCount(SpanProcessor):
    """How many spans have ended, and how many of them the collector has."""

    def __init__(self) -> None:
        self._ended, self._delivered, self._failing = 0, 0, False
        self._lock = threading.Lock()
        for name in _SDK_LOGS:
            logging.getLogger(name).addFilter(self._is_news)

    def on_end(self, span: ReadableSpan) -> None:
        """Counts a span that is to be sent."""
        if span.context is not None and span.context.trace_flags.sampled:
            with self._lock:
                self._ended += 1

    def exported(self, spans: int, *, delivered: bool) -> None:
        """Counts a batch, and logs if the collector begins or ceases to refuse spans."""
        self._delivered += spans if delivered else 0
        if self._failing == delivered:
            self._failing = not delivered
            if delivered:
                log.warning("traces: the collector receives spans again")
            else:
                log.warning("traces: the collector does not receive spans; they are dropped")

    def log_losses(self) -> None:
        """Called at the end."""
        lost = self._ended - self._delivered
        if lost:
            log.warning("traces: the collector did not receive %d of %d spans", lost, self._ended)

    def _is_news(self, _: logging.LogRecord) -> bool:
        return not self._failing


class CountedExporter(SpanExporter):
    """An exporter whose batches are counted."""

    def __init__(self, exporter: SpanExporter, count: SpanCount) -> None:
        self._exporter, self._count = exporter, count

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Sends a batch; called by one thread."""
        result = self._exporter.export(spans)
        self._count.exported(len(spans), delivered=result is SpanExportResult.SUCCESS)
        return result

    def shutdown(self) -> None:
        """Ends retries."""
        self._exporter.shutdown()
