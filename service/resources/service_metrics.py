"""The metrics that are read at a scrape: parts, disk, and the figures of the database."""

import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from imaging.errors import Unavailable
from jobs.service_figures import ServiceFigures
from service.resources.figure_families import families, no_figures
from service.resources.shared_call import SharedCall

ANSWER_S = 3.0
"""How long database and disk may take to answer."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the metrics come from."""

    figures: Callable[[], ServiceFigures]
    """May raise Unavailable, or not return for a while."""
    parts: Callable[[], Mapping[str, str]]
    """Part -> `ok`, or what is wrong with it; returns soon."""
    folder: Path
    """Its disk is measured."""
    queues: Sequence[str]
    """The names of all queues."""


class ServiceMetrics(Collector):
    """Reads the sources at every scrape.

    What cannot be read in time is left out, so that a scrape always ends: the other metrics, and
    `tessera_part_up`, tell what is wrong. Scrapes at the same time share one read.
    """

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._figures = SharedCall("metrics", self._timed_figures)
        self._disk = SharedCall("metrics-disk", lambda: shutil.disk_usage(sources.folder))

    def close(self) -> None:
        """Ends the threads."""
        self._figures.close()
        self._disk.close()

    def collect(self) -> Iterable[Metric]:
        """All metrics that can be read."""
        figures, disk = self._figures.start(), self._disk.start()
        parts = self._sources.parts()
        running: tuple[Future[Any], ...] = (figures, disk)
        wait(running, ANSWER_S)
        yield _parts({part: outcome == "ok" for part, outcome in parts.items()})
        if disk.done() and disk.exception() is None:
            usage = disk.result()
            yield from _disk(usage.free, usage.total)
        if figures.done() and (result := figures.result()) is not None:
            seconds, known = result
            yield _database(seconds)
            yield from families(known, self._sources.queues)

    def describe(self) -> Iterable[Metric]:
        """All metrics, so that registering them asks no part."""
        yield from (_parts({}), *_disk(), _database())
        yield from families(no_figures(), ())

    def _timed_figures(self) -> tuple[float, ServiceFigures] | None:
        """The figures and how many seconds they took; None if the database is unavailable."""
        began = time.perf_counter()
        try:
            figures = self._sources.figures()
        except Unavailable:
            return None
        return time.perf_counter() - began, figures


def _parts(up: Mapping[str, bool]) -> Metric:
    family = GaugeMetricFamily(
        "tessera_part_up",
        "Whether a part answers, as in /readyz: database, broker, blobs, disk.",
        labels=("part",),
    )
    for part, answers in up.items():
        family.add_metric((part,), answers)
    return family


def _disk(free: int | None = None, size: int | None = None) -> tuple[Metric, Metric]:
    return (
        GaugeMetricFamily(
            "tessera_disk_free_bytes", "Free bytes of the disk of the gateway's data folder.", free
        ),
        GaugeMetricFamily(
            "tessera_disk_size_bytes", "Size of the disk of the gateway's data folder.", size
        ),
    )


def _database(seconds: float | None = None) -> Metric:
    return GaugeMetricFamily(
        "tessera_database_seconds",
        "How long the database took for the figures of this scrape.",
        seconds,
    )
