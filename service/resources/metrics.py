"""Prometheus metrics of the gateway; no label ever holds what a caller sent."""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector


class Metrics:
    """The counters of one gateway, separate from those of another gateway in the process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Counter(
            "tessera_http_requests",
            "Answered requests.",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "tessera_http_request_seconds",
            "Time until the whole response was sent.",
            ["route"],
            registry=self._registry,
        )
        self._uploaded = Counter(
            "tessera_upload_bytes", "Bytes of stored scans.", registry=self._registry
        )

    @property
    def registry(self) -> CollectorRegistry:
        """Where other parts of the gateway register their metrics."""
        return self._registry

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Counts one request; `route` is the template, such as /v1/jobs/{job_id}."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def uploaded(self, size: int) -> None:
        """Counts the bytes of a stored scan."""
        self._uploaded.inc(size)

    def exposition(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)
