"""Prometheus metrics of webhooks; their labels are endpoints of the routing table."""

from typing import Literal

from prometheus_client import CollectorRegistry, Counter

Outcome = Literal["delivered", "postponed", "dead"]


class WebhookMetrics:
    """The counters of one gateway's message senders."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._attempts = Counter(
            "tessera_webhook_attempts",
            "Attempts to deliver a webhook message.",
            ["endpoint", "outcome"],
            registry=registry,
        )

    def attempted(self, endpoint: str, outcome: Outcome) -> None:
        """Counts an attempt to deliver a message to an endpoint of the routing table."""
        self._attempts.labels(endpoint, outcome).inc()
