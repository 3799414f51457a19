"""The runner of a worker's jobs, without a broker, on a cluster's database and blobs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inference.engine import Engine
from jobs.blobs import Blobs
from workers import worker
from workers.job_runner import JobRunner
from workers.shutdown import Shutdown


@dataclass(frozen=True)
class Parts:
    """What a runner is built from; tests replace single parts."""

    cluster: Any
    engine: Engine
    scratch: Path
    blobs: Blobs | None = None
    """None: the cluster's."""
    shutdown: Shutdown = field(default_factory=Shutdown)
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Settings that differ from the cluster's."""


def job_runner(parts: Parts) -> JobRunner:
    """A runner as a worker builds it."""
    cluster = parts.cluster
    return worker.job_runner(
        "runner",
        cluster.settings.model_copy(update=dict(parts.changes)),
        cluster.repository,
        parts.blobs or cluster.blobs,
        parts.engine,
        parts.scratch,
        parts.shutdown,
    )
