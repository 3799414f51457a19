"""The tables of all metrics, as the reference page has them.

`python -m tests.support.metrics_table` puts them into the page.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.process_collector import ProcessCollector

from service.resources.dicom_metrics import DicomMetrics
from service.resources.metrics import Metrics
from service.resources.service_metrics import ServiceMetrics, Sources
from service.resources.webhook_metrics import WebhookMetrics


def registries() -> Mapping[str, CollectorRegistry]:
    """What every gateway reports alike, and what one gateway counts."""
    service, gateway = CollectorRegistry(), Metrics()
    none: Any = None
    service.register(ServiceMetrics(Sources(none, none, Path(), ())))
    DicomMetrics(gateway.registry)
    WebhookMetrics(gateway.registry)
    return {"service": service, "gateway": gateway.registry}


def series_names(metric: Metric) -> set[str]:
    """The names that queries use."""
    endings = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
    return {metric.name + ending for ending in endings.get(metric.type, ("",))}


def described(registry: CollectorRegistry) -> Iterable[tuple[Metric, tuple[str, ...]]]:
    """Each metric with the names of its labels, except those of the client library."""
    collectors: Iterable[Any] = registry._collector_to_names
    for collector in collectors:
        if isinstance(collector, ProcessCollector):
            continue
        for metric in collector.describe():
            own = getattr(collector, "_labelnames", getattr(metric, "_labelnames", ()))
            yield metric, tuple(own)


def table(registry: CollectorRegistry) -> str:
    """A table in Markdown, sorted by name."""
    rows = []
    for metric, labels in described(registry):
        name = metric.name + ("_total" if metric.type == "counter" else "")
        names = ", ".join(f"`{label}`" for label in labels)
        text = metric.documentation.replace("|", "\\|")
        rows.append(f"| `{name}` | {metric.type} | {names} | {text} |")
    return "\n".join(("| metric | type | labels | value |", "|---|---|---|---|", *sorted(rows)))


PAGE = Path(__file__).parents[2] / "docs" / "reference" / "metrics.md"


def page() -> str:
    """The page with the tables of the code."""
    text = PAGE.read_text()
    for name, registry in registries().items():
        mark = f"<!-- metrics: {name} -->"
        before, after = text.split(mark)
        rest = re.sub(r"\A\n\n(\|.*\n)*\n?", "", after)
        text = f"{before}{mark}\n\n{table(registry)}\n\n{rest}"
    return text


if __name__ == "__main__":
    PAGE.write_text(page())
