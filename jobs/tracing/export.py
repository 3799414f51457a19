"""Whether spans are exported, as OpenTelemetry's standard environment variables say."""

import logging
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from imaging.errors import BadRequest
from jobs.tracing.spans import recording

if TYPE_CHECKING:
    from jobs.tracing.otlp import OtlpTraces

log = logging.getLogger(__name__)

_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_PROTOCOL = "http/protobuf"


@contextmanager
def exported(service: str, instance: str = "") -> Iterator[None]:
    """A context in which this process records spans and sends them to the collector.

    To be entered in the process that does the work: the thread that sends is not inherited.
    `service` and `instance` name the sender; the environment may name another service. Traces are
    off where the environment names no collector. What is wrong with it is logged, and no error.
    """
    traces = _opened(service, instance or f"{socket.gethostname()}:{os.getpid()}")
    if traces is None:
        yield
        return
    try:
        with recording(traces):
            yield
    finally:
        traces.close()


def _opened(service: str, instance: str) -> "OtlpTraces | None":
    try:
        if not wanted(os.environ):
            return None
        from jobs.tracing.otlp import OtlpTraces

        return OtlpTraces(service, instance)
    except ImportError:
        log.warning(
            "traces are off: %s is set, but OpenTelemetry's SDK is not installed. Install it from "
            "Tessera's source folder with: pip install '.[traces]'",
            _ENDPOINT,
        )
    except (BadRequest, ValueError) as error:
        log.warning("traces are off: %s", error)
    return None


def wanted(variables: Mapping[str, str]) -> bool:
    """Whether the environment names a collector; raises BadRequest for one that cannot be used."""
    disabled = variables.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    exporter = variables.get("OTEL_TRACES_EXPORTER", "").strip().lower() or "otlp"
    endpoint = _of_traces(variables, "ENDPOINT")
    if disabled or exporter == "none" or not endpoint:
        return False
    protocol = _of_traces(variables, "PROTOCOL") or _PROTOCOL
    if exporter != "otlp" or protocol != _PROTOCOL:
        raise BadRequest(
            f"Traces cannot be sent by the exporter {exporter} with the protocol {protocol}.",
            expected=f"The exporter otlp with the protocol {_PROTOCOL}.",
            hint="Correct OTEL_TRACES_EXPORTER and OTEL_EXPORTER_OTLP_PROTOCOL, and use the port "
            "of the collector for OTLP over HTTP, mostly 4318.",
        )
    _check_url(endpoint)
    return True


def _of_traces(variables: Mapping[str, str], name: str) -> str:
    """The variable for traces alone, else the one for all signals."""
    names = (f"OTEL_EXPORTER_OTLP_TRACES_{name}", f"OTEL_EXPORTER_OTLP_{name}")
    return next(filter(None, (variables.get(one, "").strip() for one in names)), "")


def _check_url(endpoint: str) -> None:
    try:
        url = urlsplit(endpoint)
        usable = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise BadRequest(  # does not quote it: it may hold a password
            f"The value of {_ENDPOINT} is not the address of a collector.",
            expected="A URL such as http://collector:4318.",
            hint="Correct it, or remove it to turn traces off.",
        )
