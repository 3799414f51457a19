"""Job orders as requests state them."""

from jobs.job import Options
from service.schemas import JobIn
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
