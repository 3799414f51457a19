"""Prometheus metrics of the DICOM node; their labels are peers of the routing table and codes."""

from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge

Outcome = Literal["sent", "failed", "postponed"]


class DicomMetrics:
    """The counters of one gateway's DICOM node."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._images = Counter(
            "tessera_dicom_images", "Answers to C-STORE.", ["status"], registry=registry
        )
        self._refusals = Counter(
            "tessera_dicom_refusals", "Refusals at the DICOM port.", ["reason"], registry=registry
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

    def refused(self, reason: str) -> None:
        """Counts a connection, an association or a message that was refused."""
        self._refusals.labels(reason).inc()

    def series_routed(self, outcome: Literal["taken", "refused", "postponed"]) -> None:
        """Counts a complete series."""
        self._series.labels(outcome).inc()

    def delivery_attempted(self, peer: str, outcome: Outcome) -> None:
        """Counts an attempt to deliver a result to a peer of the routing table."""
        self._attempts.labels(peer, outcome).inc()

    def peer_answered(self, peer: str, *, up: bool) -> None:
        """Records whether a peer of the routing table answered."""
        self._up.labels(peer).set(up)
