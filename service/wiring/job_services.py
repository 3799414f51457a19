"""Services that order jobs, follow them and deliver their results."""

from functools import partial

from jobs.dispatch import dispatch
from jobs.repository import Forecasts
from service.resources.assistant_process import AssistantProcess
from service.use_cases.assistance import Assistance
from service.use_cases.comparisons import Comparisons
from service.use_cases.deliveries import Deliveries
from service.use_cases.job_changes import FORECAST_S, JobChanges
from service.use_cases.job_status import JobStatuses
from service.use_cases.job_watcher import JobWatcher
from service.use_cases.orders import Orders
from service.use_cases.reader_measurements import ReaderMeasurements
from service.use_cases.result_files import ResultFiles
from service.use_cases.results import Results
from service.wiring.parts import Parts
from service.wiring.services import Services


def add_jobs(parts: Parts, services: Services) -> None:
    """Adds orders and the states of jobs, results, and deliveries to peers."""
    rows = parts.repository
    send = partial(dispatch, rows.messages, parts.queue)
    forecasts = Forecasts(rows.database, shared_s=FORECAST_S)
    statuses = JobStatuses(rows.jobs, forecasts, rows.worklist)
    services.add(
        Orders(rows.jobs, rows.batches, rows.scans, parts.models, send),
        statuses,
        JobWatcher(JobChanges(rows.jobs, statuses)),
        Deliveries(
            rows.jobs, rows.scans, rows.reviews, rows.deliveries, rows.readings, parts.routing
        ),
    )
    _add_results(parts, services)


def _add_results(parts: Parts, services: Services) -> None:
    rows, blobs, scratch, limits = parts.repository, parts.blobs, parts.scratch, parts.limits
    files = ResultFiles(rows.jobs, rows.scans, parts.registry, blobs, scratch, limits)
    results = Results(rows.jobs, rows.scans, rows.reviews, blobs, scratch, limits, files)
    services.add(
        files,
        results,
        Assistance(results, rows.scans, blobs, scratch, limits, services[AssistantProcess]),
        Comparisons(rows.jobs, rows.scans, blobs, scratch),
        ReaderMeasurements(rows.jobs, rows.scans, rows.reviews, blobs, scratch, limits),
    )
