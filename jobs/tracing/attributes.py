"""What spans may say.

A type checker refuses other attributes, so that no name of a file, patient or scan, no query and no
caller's address gets into a trace.
"""

from collections.abc import Mapping
from typing import Literal

Attribute = Literal[
    "error.type",
    "http.request.method",
    "http.response.status_code",
    "http.route",
    "tessera.attempt",
    "tessera.batch.id",
    "tessera.delivery.destination",
    "tessera.delivery.format",
    "tessera.device",
    "tessera.job.id",
    "tessera.job.outcome",
    "tessera.model.name",
    "tessera.model.version",
    "tessera.precision",
    "tessera.queue",
    "tessera.tiles",
    "tessera.webhook.endpoint",
    "tessera.webhook.event",
]
"""docs/how-to/traces.md describes them. Those that do not begin with `tessera` are OpenTelemetry's
own (semantic conventions)."""
Attributes = Mapping[Attribute, str | int]
Kind = Literal["internal", "server", "client", "producer", "consumer"]
"""OpenTelemetry's kinds of spans."""
