"""The figures of the database as metrics.

Every gateway reports the same figures of the same database. So in a query, take `max` over the
gateways before anything is summed. Counters begin with the first job that ran after the upgrade to
this version, and do not start again when a gateway does.

No label holds what a caller sent: models, queues, projects and peers are configuration; outcomes,
kinds, devices and precisions are Tessera's own words.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from math import inf
from typing import TypeVar

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from imaging.errors import Part
from jobs.announced_worker import WorkerState
from jobs.job import JobState
from jobs.service_figures import RUN_BOUNDS_S, Runs, ServiceFigures, WaitingJobs

Item = TypeVar("Item")
_ON = ("model", "queue", "device", "precision")


def no_figures() -> ServiceFigures:
    """Those of an empty database."""
    return ServiceFigures({}, 0, (), (), (), (), (), (), {})


def families(figures: ServiceFigures, queues: Sequence[str]) -> Iterable[Metric]:
    """All metrics of the figures; `queues` are the names of all queues."""
    yield from _states(figures)
    yield from _queues(figures)
    yield from _projects(figures)
    yield from _runs(figures.runs)
    yield from _deliveries(figures)
    yield from _workers(figures, queues)


def _states(figures: ServiceFigures) -> Iterable[Metric]:
    yield _gauge(
        "tessera_jobs",
        "Jobs by state.",
        ("state",),
        {(state.value,): figures.jobs.get(state, 0) for state in JobState},
    )
    yield _gauge(
        "tessera_trainings",
        "Trainings by state.",
        ("state",),
        {(state.value,): figures.trainings.get(state, 0) for state in JobState},
    )
    yield _gauge(
        "tessera_jobs_preparing",
        "Running jobs that wait until their network is compiled, measured and checked.",
        (),
        {(): figures.preparing},
    )


def _queues(figures: ServiceFigures) -> Iterable[Metric]:
    """A queue that is empty has the value 0 if a job of the model ever ran in it."""
    labels, waiting = ("model", "queue"), figures.waiting

    def of(item: WaitingJobs | Runs) -> tuple[str, ...]:
        return item.model, item.queue

    empty: dict[tuple[str, ...], float] = {of(run): 0 for run in figures.runs}
    for job in waiting:
        empty.pop(of(job), None)
    measured = [job for job in waiting if job.seconds is not None]
    yield _gauge(
        "tessera_queue_jobs",
        "Jobs that wait.",
        labels,
        empty | _added(waiting, of, lambda job: job.jobs),
    )
    yield _gauge(
        "tessera_queue_seconds",
        "What one worker needs for the jobs that wait, estimated from recent jobs of the model; "
        "absent if none has finished.",
        labels,
        empty | _added(measured, of, lambda job: job.seconds or 0.0),
    )
    yield _gauge(
        "tessera_queue_oldest_seconds",
        "How long ago the oldest job that waits was submitted.",
        labels,
        empty | _largest(waiting, of, lambda job: job.oldest_s),
    )


def _projects(figures: ServiceFigures) -> Iterable[Metric]:
    def of(job: WaitingJobs) -> tuple[str, ...]:
        return job.project, job.model

    labels, waiting = ("project", "model"), figures.waiting
    yield _gauge(
        "tessera_project_queue_jobs",
        "Jobs of a project that wait.",
        labels,
        _added(waiting, of, lambda job: job.jobs),
    )
    yield _gauge(
        "tessera_project_queue_oldest_seconds",
        "How long ago the project's oldest job that waits was submitted.",
        labels,
        _largest(waiting, of, lambda job: job.oldest_s),
    )
    yield _gauge(
        "tessera_scans",
        "Stored scans.",
        ("project",),
        {(row.project,): row.scans for row in figures.scans},
    )
    yield _gauge(
        "tessera_scan_bytes",
        "Bytes of the stored scans' files, without masks; a file that two projects have counts "
        "twice.",
        ("project",),
        {(row.project,): row.bytes for row in figures.scans},
    )


def _runs(runs: Sequence[Runs]) -> Iterable[Metric]:
    yield _counter(
        "tessera_job_attempts",
        "Attempts by their outcome: succeeded, failed, cancelled, or returned to the queue.",
        ("model", "queue", "outcome"),
        _added(runs, lambda run: (run.model, run.queue, run.outcome), lambda run: run.number),
    )
    yield _counter(
        "tessera_job_failures",
        "Failed jobs by the kind of the error: the last part of its `type`.",
        ("model", "kind"),
        _added(
            [run for run in runs if run.outcome == JobState.FAILED],
            lambda run: (run.model, run.kind or "unknown"),
            lambda run: run.number,
        ),
    )
    succeeded = [run for run in runs if run.outcome == JobState.SUCCEEDED]
    yield _durations(succeeded)
    yield _counter(
        "tessera_tiles",
        "Tiles of succeeded jobs.",
        _ON,
        _added(succeeded, _how, lambda run: run.tiles),
    )
    yield _counter(
        "tessera_network_seconds",
        "Seconds of succeeded jobs in which a network computed. Divided by the tiles: seconds for "
        "a tile.",
        _ON,
        _added(succeeded, _how, lambda run: run.network_s),
    )


def _durations(succeeded: Sequence[Runs]) -> Metric:
    family = HistogramMetricFamily(
        "tessera_job_seconds", "From the claim of a job until its success.", labels=_ON
    )
    groups: dict[tuple[str, ...], list[Runs]] = defaultdict(list)
    for run in succeeded:
        groups[_how(run)].append(run)
    for labels, runs in sorted(groups.items()):
        buckets = [
            (_bound(bound), sum(run.number for run in runs if run.bucket_s <= bound))
            for bound in (*RUN_BOUNDS_S, inf)
        ]
        family.add_metric(labels, buckets, sum(run.seconds for run in runs))
    return family


def _bound(seconds: float) -> str:
    return "+Inf" if seconds == inf else str(seconds)


def _how(run: Runs) -> tuple[str, ...]:
    return run.model, run.queue, run.device or "unknown", run.precision or "unknown"


def _deliveries(figures: ServiceFigures) -> Iterable[Metric]:
    rows = figures.deliveries
    yield _gauge(
        "tessera_deliveries",
        "Deliveries by peer and state.",
        ("peer", "state"),
        {(row.destination, row.state.value): row.count for row in rows},
    )
    yield _gauge(
        "tessera_delivery_oldest_seconds",
        "How long the oldest delivery has waited since its request or the end of its job.",
        ("peer",),
        {(row.destination,): row.oldest_s for row in rows if row.oldest_s is not None},
    )
    yield _gauge(
        "tessera_commitments",
        "Sent deliveries by peer and state of storage commitment.",
        ("peer", "state"),
        {(row.destination, row.state): row.count for row in figures.commitments},
    )


def _workers(figures: ServiceFigures, queues: Sequence[str]) -> Iterable[Metric]:
    workers = figures.workers
    yield _gauge(
        "tessera_workers",
        "Workers that announce themselves, by state.",
        ("state",),
        {(s.value,): sum(worker.state is s for worker in workers) for s in WorkerState},
    )
    yield _gauge(
        "tessera_workers_waiting",
        "Workers that take no job because a part of the installation is unavailable to them.",
        ("part",),
        {(p.value,): sum(worker.waiting_for == p for worker in workers) for p in Part},
    )
    yield _gauge(
        "tessera_queue_workers",
        "Workers that take jobs from the queue.",
        ("queue",),
        {(queue,): sum(worker.serves(queue) for worker in workers) for queue in queues},
    )


def _gauge(
    name: str, text: str, labels: Sequence[str], values: dict[tuple[str, ...], float]
) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for key, value in sorted(values.items()):
        family.add_metric(key, value)
    return family


def _counter(
    name: str, text: str, labels: Sequence[str], values: dict[tuple[str, ...], float]
) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for key, value in sorted(values.items()):
        family.add_metric(key, value)
    return family


Key = TypeVar("Key", bound=Hashable)


def _added(
    items: Iterable[Item], key: Callable[[Item], Key], value: Callable[[Item], float]
) -> dict[Key, float]:
    sums: dict[Key, float] = defaultdict(float)
    for item in items:
        sums[key(item)] += value(item)
    return dict(sums)


def _largest(
    items: Iterable[Item], key: Callable[[Item], Key], value: Callable[[Item], float]
) -> dict[Key, float]:
    largest: dict[Key, float] = defaultdict(float)
    for item in items:
        largest[key(item)] = max(largest[key(item)], value(item))
    return dict(largest)
