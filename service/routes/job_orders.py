"""Job orders as requests state them."""

import time
from collections.abc import Sequence

from jobs.job import Options
from jobs.repository import Readings
from jobs.second_reading import ReadingOptions, sample
from service.auth import Principal
from service.routes.reading_serializers import options_of
from service.schemas import BatchIn, JobIn
from service.use_cases.orders import JobOrder


def order_of(body: JobIn) -> JobOrder:
    """The order that a request body states."""
    options = body.options
    return JobOrder(
        model=body.model,
        scan=body.scan,
        scans=body.scans,
        priority=body.priority,
        options=Options(**options.model_dump()),
    )


def put_up(
    readings: Readings, principal: Principal, job_ids: Sequence[str], options: ReadingOptions
) -> None:
    """Puts those of these jobs up for a second reading that have none.

    A request that is repeated under its idempotency key does it, if the first one was interrupted.
    """
    by = principal.reader or principal.name
    readings.request(principal.project, job_ids, options, by, time.time())


def put_up_batch(
    readings: Readings, principal: Principal, job_ids: Sequence[str], body: BatchIn
) -> None:
    """Puts the jobs of a batch up that its request names one by one, then a share of the others.

    `job_ids`: in the order of the request.
    """
    wanted: dict[ReadingOptions, list[str]] = {}
    for job, one in zip(job_ids, body.jobs, strict=True):
        if one.second_reading is not None:
            wanted.setdefault(options_of(one.second_reading), []).append(job)
    for options, named in wanted.items():
        put_up(readings, principal, named, options)
    if body.second_reading is not None:
        # Ids are random: places are the same for each batch of this size and seed.
        others = [str(n) for n, one in enumerate(body.jobs) if one.second_reading is None]
        chosen = sample(others, body.second_reading.share, body.second_reading.seed)
        put_up(
            readings, principal, [job_ids[int(n)] for n in chosen], options_of(body.second_reading)
        )
