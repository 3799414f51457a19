"""Settings: workers."""

from pathlib import Path

from jobs.settings.section import GIB, NotNegative, Positive, SecondsOrZero, Section


class WorkerSettings(Section):
    """Workers"""

    device: str = "auto"
    """Runtime of this worker: `auto`, or one that `tessera worker --help` lists."""
    memory_bytes: NotNegative = 0
    """Memory in bytes for the tiles of a job. 0: half of the memory that is free when the
    job starts: the smallest of what the machine, the cgroup and the GPU have free."""
    threads: NotNegative = 0
    """Number of threads of a worker. 0: all cores that the process may use."""
    drain_s: SecondsOrZero = 8.0
    """How long a worker that is told to stop (SIGTERM) continues with its job, in seconds, if the
    job will probably end within this time. A job that takes longer goes back to the queue after the
    running tile. 0: every job goes back. A supervisor must wait longer than this before it kills
    the worker: `docker stop` waits 10 seconds, Kubernetes 30."""
    group_size: Positive = 4
    """Largest number of jobs that a worker runs at the same time, if they are for small images (up
    to a megapixel) with the same model and the same options. A worker on a processor runs no more
    than it has threads. 1: one job at a time."""
    training: bool = True
    """Whether the worker also trains models (*Learn from corrections*), where the extra `train` is
    installed. A training runs in a process of its own with the lowest priority, one at a time."""
    training_steps: NotNegative = 0
    """Number of steps of a training that states none. 0: 20 for each mask that it learns from, and
    at least 200."""
    training_max_steps: Positive = 10_000
    """Largest number of steps of a training. One that requests more is refused, and the usual
    number is not more either. While a worker trains, the trainings of other projects wait. Set it
    for gateways and workers."""
    model_cache_bytes: NotNegative = 2 * GIB
    """Memory in bytes for networks that stay loaded. When it is used up, the least recently used
    networks are unloaded. 0: only the network in use is loaded."""
    heartbeat_file: Path | None = None
    """File that a worker writes every 5 seconds, for health checks that look at its time of change.
    It is not written while a job hangs (`TESSERA_TILE_TIMEOUT_S`). Each worker needs a file of its
    own. Empty: none."""
