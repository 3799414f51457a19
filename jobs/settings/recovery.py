"""Settings: attempts, leases and recovery of jobs."""

from jobs.settings.section import Positive, Seconds, Section


class RecoverySettings(Section):
    """Jobs"""

    lease_s: Seconds = 30.0
    """How long a worker may be silent, in seconds, before its job is given to another worker."""
    max_attempts: Positive = 3
    """Largest number of attempts of a job. The job fails if its worker crashes or is lost while it
    runs the job, or a temporary error occurs, in the last attempt. An attempt is not counted if it
    ends because a part (store, database, broker, disk) is unavailable, or because the worker is
    stopped or killed on purpose."""
    tile_timeout_s: Seconds = 900.0
    """How long one tile may take, in seconds. After that the worker is considered hung and its
    lease is no longer renewed."""
    sweep_interval_s: Seconds = 1.0
    """How often gateway and workers look for lost jobs and unsent messages, and for deliveries and
    webhook messages that are due, in seconds."""
    redis_visibility_s: Seconds = 86_400.0
    """Time in seconds after which Redis delivers an unacknowledged message again. Tessera recovers
    lost jobs without it."""
