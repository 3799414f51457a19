"""Traces: what happens to a job, as spans that OpenTelemetry sends to a collector.

    request ── wait in queue ── run job ── deliver result
    gateway                     worker     gateway

The context of its trace is stored with the job, so that everything that works on it continues the
same trace. Without a collector all of this does nothing, and OpenTelemetry's SDK is not imported.
"""

from jobs.tracing.attributes import Attributes, Kind
from jobs.tracing.export import exported
from jobs.tracing.spans import (
    annotate,
    current_ids,
    enabled,
    link,
    rename,
    span,
    step,
    traceparent,
)

__all__ = [
    "Attributes",
    "Kind",
    "annotate",
    "current_ids",
    "enabled",
    "exported",
    "link",
    "rename",
    "span",
    "step",
    "traceparent",
]
