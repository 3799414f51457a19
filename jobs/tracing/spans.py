"""Begins spans and describes the current one; does nothing unless spans are exported."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from jobs.tracing.attributes import Attributes, Kind

if TYPE_CHECKING:
    from jobs.tracing.otlp import OtlpTraces

_traces: "OtlpTraces | None" = None
_NOTHING = nullcontext()


@contextmanager
def recording(traces: "OtlpTraces") -> Iterator[None]:
    """A context in which this process records spans."""
    global _traces
    earlier, _traces = _traces, traces
    try:
        yield
    finally:
        _traces = earlier


def enabled() -> bool:
    """Whether this process records spans."""
    return _traces is not None


def span(
    name: str,
    parent: str | None,
    *,
    kind: Kind = "internal",
    links: Iterable[str | None] = (),
    since: float | None = None,
    attributes: Attributes | None = None,
) -> AbstractContextManager[None]:
    """A span that continues the trace of `parent`; None: it begins a new trace.

    `parent` and `links` are W3C trace contexts, as `traceparent` returns them. `since`: when the
    span began, in seconds since the epoch; None: now. An error that leaves the context marks the
    span as failed; its message is not recorded, since it may quote patient data.
    """
    if _traces is None:
        return _NOTHING
    return _traces.span(name, parent, kind, [one for one in links if one], since, attributes or {})


def step(name: str) -> AbstractContextManager[None]:
    """A span within the current one; nothing outside of any."""
    return _NOTHING if _traces is None else _traces.step(name)


def annotate(attributes: Attributes) -> None:
    """Adds attributes to the current span; `error.type` marks it as failed."""
    if _traces is not None:
        _traces.annotate(attributes)


def rename(name: str) -> None:
    """Gives the current span the name that it would have, had it been known at its begin."""
    if _traces is not None:
        _traces.rename(name)


def link(traceparents: Iterable[str | None]) -> None:
    """Links the current span to others."""
    if _traces is not None:
        for one in filter(None, traceparents):
            _traces.link(one)


def traceparent() -> str | None:
    """The W3C trace context of the current span, to be stored; None: there is no span."""
    return None if _traces is None else _traces.traceparent()


def current_ids() -> dict[str, str]:
    """`trace_id` and `span_id` of the current span in hexadecimal; empty where there is none."""
    return {} if _traces is None else _traces.current_ids()
