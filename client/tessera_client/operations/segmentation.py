"""A whole segmentation: upload, job, wait, results."""

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tessera_client.errors import TesseraError
from tessera_client.operations import following, jobs, results, uploads
from tessera_client.operations.exchange import checked
from tessera_client.operations.local_file import name_of
from tessera_client.retries import Retries
from tessera_client.steps import BytesSent, Request, Send, Steps, handling
from tessera_client.types import Job, JobOptions, JobRequest, Segmentation, Selection, Source

OnProgress = Callable[[str, float], None]
"""Is called with what is being done (`upload`, `queued`, `running`, `download`) and the share of it
that is finished, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to segment, how, and where the results go."""

    scan: Source | Mapping[str, Source]
    model: str
    out: Path
    options: JobOptions
    selection: Selection
    priority: int
    file_format: str | None
    key: str | None
    on_progress: OnProgress


def segment(retries: Retries, order: Order) -> Steps[Segmentation]:
    """Segments a scan and downloads the results. An interrupt cancels the job."""
    request = yield from _request(retries, order)
    created = yield from jobs.create(retries, request, order.key)
    try:
        waiting = following.wait(retries, created.id, None)
        job = yield from handling(waiting, lambda state: _report(order, state))
    except (KeyboardInterrupt, asyncio.CancelledError):
        with suppress(TesseraError):
            cancel = Request("POST", f"/v1/jobs/{created.id}/cancel", patience_s=5)
            checked((yield Send(cancel)))
        raise
    return (yield from _fetched(retries, order, job))


def _request(retries: Retries, order: Order) -> Steps[JobRequest]:
    """Uploads the scans; the job that segments them."""
    named = order.scan if isinstance(order.scan, Mapping) else {"": order.scan}
    ids = {}
    for number, (channel, source) in enumerate(named.items()):
        on_sent = _part(order, "upload", number, len(named))
        selection = Selection() if channel == "mask" else order.selection
        ids[channel] = (yield from uploads.upload(retries, source, selection, on_sent)).id
    inputs = {"scan": ids[""]} if set(ids) == {""} else {"scans": ids}
    return JobRequest(order.model, **inputs, priority=order.priority, options=order.options)


def _fetched(retries: Retries, order: Order, job: Job) -> Steps[Segmentation]:
    order.out.mkdir(parents=True, exist_ok=True)
    named = order.scan if isinstance(order.scan, Mapping) else {"": order.scan}
    stem = _stem(name_of(next(iter(named.values()))))
    on_received = _part(order, "download", 0, 1)
    mask = yield from results.file(
        retries, f"{job.id}/mask", order.out, order.file_format, on_received
    )
    _, dot, ending = mask.name.partition(".")
    mask = mask.replace(order.out / f"{stem}-mask{dot}{ending}")
    preview = order.out / f"{stem}-preview.png"
    yield from results.file(retries, f"{job.id}/preview.png", preview)
    report = yield from results.report(retries, job.id)
    report_file = order.out / f"{stem}-report.json"
    report_file.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    order.on_progress("download", 1.0)
    return Segmentation(job, mask, preview, report_file, report)


def _report(order: Order, job: Job) -> None:
    if job.state in ("queued", "running"):
        order.on_progress(job.state, job.progress.fraction)


def _part(order: Order, what: str, number: int, count: int) -> BytesSent:
    def report(done: int, total: int) -> None:
        order.on_progress(what, (number + (done / total if total else 1.0)) / count)

    return report


def _stem(name: str) -> str:
    """The name without its ending: `t1` of `t1.nii.gz`, `slide` of `slide.ome.tiff`."""
    path = Path(name)
    double = path.suffixes[-2:-1] in ([".nii"], [".ome"])
    return (path.with_suffix("").stem if double else path.stem) or "scan"
