"""Prometheus metrics of the gateway; no label ever holds what a caller sent."""

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from jobs.job import JobState

Counts = Callable[[], Mapping[JobState, int]]


class _Jobs(Collector):
    """Jobs by state, counted in the database at every scrape."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts

    def collect(self) -> Iterable[Metric]:
        jobs = GaugeMetricFamily("tessera_jobs", "Jobs by state.", labels=["state"])
        counts = self._counts()
        for state in JobState:
            jobs.add_metric([state.value], counts.get(state, 0))
        yield jobs

    def describe(self) -> Iterable[Metric]:
        return [GaugeMetricFamily("tessera_jobs", "Jobs by state.", labels=["state"])]


class Metrics:
    """The counters of one gateway, separate from those of another gateway in the process."""

    def __init__(self, counts: Counts) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Jobs(counts))
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
