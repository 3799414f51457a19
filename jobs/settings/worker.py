"""Settings: workers."""

from jobs.settings.section import GIB, NotNegative, Positive, Section


class WorkerSettings(Section):
    """Workers"""

    device: str = "auto"
    """Runtime of this worker: `auto`, or one that `tessera worker --help` lists."""
    memory_bytes: NotNegative = 0
    """Memory in bytes for the tiles of a job. 0: half of the memory that is free when the
    job starts: the smallest of what the machine, the cgroup and the GPU have free."""
    threads: NotNegative = 0
    """Number of threads of a worker. 0: all cores that the process may use."""
    group_size: Positive = 4
    """Largest number of jobs that a worker runs at the same time. Jobs are grouped if they are for
    small images (up to a megapixel) with the same model and the same options. 1: no grouping."""
    model_cache_bytes: NotNegative = 2 * GIB
    """Memory in bytes for networks that stay loaded. When it is used up, the least recently used
    networks are unloaded. 0: only the network in use is loaded."""
