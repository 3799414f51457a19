"""Prometheus metrics of the DICOM node; their labels are peers of the routing table and codes."""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from jobs.delivery import DeliveryCount

Outcome = Literal["sent", "failed", "postponed"]
Summary = Callable[[], Sequence[DeliveryCount]]


class _Deliveries(Collector):
    """Deliveries by peer and state, counted in the database at every scrape."""

    def __init__(self, summary: Summary) -> None:
        self._summary = summary

    def collect(self) -> Iterable[Metric]:
        counts, oldest = self.describe()
        for row in self._summary():
            counts.add_metric([row.destination, row.state.value], row.count)
            if row.oldest_s is not None:
                oldest.add_metric([row.destination], row.oldest_s)
        return counts, oldest

    def describe(self) -> tuple[GaugeMetricFamily, GaugeMetricFamily]:
        """The metrics without values, so that registering them asks no database."""
        return (
            GaugeMetricFamily(
                "tessera_deliveries", "Deliveries by peer and state.", labels=["peer", "state"]
            ),
            GaugeMetricFamily(
                "tessera_delivery_oldest_seconds",
                "How long the oldest delivery has waited since its request or the end of its job.",
                labels=["peer"],
            ),
        )


class DicomMetrics:
    """The counters of one gateway's DICOM node."""

    def __init__(self, registry: CollectorRegistry, summary: Summary) -> None:
        registry.register(_Deliveries(summary))
        self._images = Counter(
            "tessera_dicom_images", "Answers to C-STORE.", ["status"], registry=registry
        )
        self._series = Counter(
            "tessera_dicom_series", "Received series.", ["outcome"], registry=registry
        )
        self._attempts = Counter(
            "tessera_delivery_attempts",
            "Attempts to deliver a result.",
            ["peer", "outcome"],
            registry=registry,
        )
        self._up = Gauge(
            "tessera_peer_up",
            "Whether the peer answered when it was last sent to or checked.",
            ["peer"],
            registry=registry,
        )

    def image_answered(self, status: int) -> None:
        """Counts an answer to C-STORE by its status, as four hexadecimal digits."""
        self._images.labels(f"{status:04X}").inc()

    def series_routed(self, outcome: Literal["taken", "refused", "postponed"]) -> None:
        """Counts a complete series."""
        self._series.labels(outcome).inc()

    def delivery_attempted(self, peer: str, outcome: Outcome) -> None:
        """Counts an attempt to deliver a result to a peer of the routing table."""
        self._attempts.labels(peer, outcome).inc()

    def peer_answered(self, peer: str, *, up: bool) -> None:
        """Records whether a peer of the routing table answered."""
        self._up.labels(peer).set(up)
