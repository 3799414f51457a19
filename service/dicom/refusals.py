"""Refusals at the DICOM port: counted, and logged in a bounded number of lines."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from enum import StrEnum

from service.resources.dicom_metrics import DicomMetrics

logger = logging.getLogger("tessera.dicom")

WINDOW_S = 60.0
LINES_PER_ADDRESS = 5
LINES = 30
"""Most lines of a window for one address, and in all. What exceeds them is only counted."""


class Refusal(StrEnum):
    """Why something was refused; a label of the metric `tessera_dicom_refusals`."""

    INVALID = "invalid"
    """The bytes are not DICOM, or a PDU is too long."""
    TOO_SLOW = "too-slow"
    """A connection sent no request in time, or a message came too slowly."""
    TOO_MANY_CONNECTIONS = "too-many-connections"
    TOO_MANY_ASSOCIATIONS = "too-many-associations"
    AE_TITLE = "ae-title"
    """Calling or called AE title."""
    TLS = "tls"
    """No TLS at a port with TLS, a handshake that failed, or a certificate that is not valid."""
    CERTIFICATE = "certificate"
    """A valid certificate, and not the one that the routing table names for the AE title."""
    TOO_LARGE = "too-large"
    """A data set."""
    IMAGE = "image"
    """A C-STORE request."""


class Refusals:
    """Counts and logs refusals; thread-safe."""

    def __init__(self, metrics: DicomMetrics, clock: Callable[[], float] = time.monotonic) -> None:
        self._metrics = metrics
        self._clock = clock
        self._mutex = threading.Lock()
        self._start = clock()
        self._lines: Counter[str] = Counter()
        self._left_out: Counter[str] = Counter()

    def add(self, kind: Refusal, address: str, calling: str, problem: str) -> None:
        """Records one refusal. `problem` holds no patient data; `calling` is an AE title or ""."""
        self.summarise()
        if self._has_line(address):
            sender = f"{address}, calling AE title {calling!r}" if calling else address
            logger.warning("Refused at the DICOM port (from %s): %s.", sender, problem)
        self._metrics.refused(kind)

    def summarise(self) -> None:
        """Once a window has ended: logs how many lines were left out, and begins another one."""
        with self._mutex:
            if self._clock() - self._start < WINDOW_S:
                return
            left_out, self._left_out = self._left_out, Counter()
            self._lines.clear()
            self._start = self._clock()
        if left_out:
            most, _ = left_out.most_common(1)[0]
            logger.warning(
                "%d more refusals at the DICOM port within %d s, most of them from %s.",
                left_out.total(),
                WINDOW_S,
                most,
            )

    def _has_line(self, address: str) -> bool:
        with self._mutex:
            if self._lines.total() < LINES and self._lines[address] < LINES_PER_ADDRESS:
                self._lines[address] += 1
                return True
            known = address in self._left_out or len(self._left_out) < LINES
            self._left_out[address if known else "other addresses"] += 1
            return False
