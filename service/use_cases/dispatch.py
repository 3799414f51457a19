"""Hands stored jobs to the broker."""

import logging
from collections.abc import Sequence

from imaging.errors import Unavailable
from jobs import sweeper
from jobs.job import Job
from service.parts import Parts

logger = logging.getLogger("tessera.service")


def dispatch(parts: Parts, jobs: Sequence[Job]) -> None:
    """Sends each job that has no message yet; where the broker is away the sweeper does it later.

    Runs after the answer: a job is stored by then, and nothing here can take it back.
    """
    try:
        sweeper.dispatch_all(parts.repository, parts.queue, jobs)
    except Unavailable:
        logger.warning("The broker or the database is away; the sweeper sends what waits.")
