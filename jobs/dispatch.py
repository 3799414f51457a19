"""Sends the messages of queued jobs."""

from collections.abc import Sequence

from imaging.errors import TesseraError
from jobs.job import Job
from jobs.queue import Queue
from jobs.repository import Messages

_GROUP = 100


def dispatch(
    messages: Messages, queue: Queue, jobs: Sequence[Job], older_than_s: float | None = None
) -> int:
    """Sends the jobs' messages and returns how many; skips those that another process sent.

    `older_than_s`: also sends a message again that was sent longer ago than this. Messages are
    marked before they are sent, so that only one sender sends each. A sender killed between the
    two leaves a mark without a message, which the sweeper notices one lease later. Raises
    Unavailable.
    """
    sent = 0
    for start in range(0, len(jobs), _GROUP):
        group = jobs[start : start + _GROUP]
        marked = messages.mark_sent([job.id for job in group], older_than_s)
        mine = [job for job in group if job.id in marked]
        for position, job in enumerate(mine):
            try:
                queue.send(job)
            except TesseraError:
                for unsent in mine[position:]:
                    messages.mark_unsent(unsent.id, unsent.fence)
                raise
        sent += len(mine)
    return sent
