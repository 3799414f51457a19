"""The client for `async` programs. Made by `scripts/async_client`: do not edit it."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tessera_client.comparison_types import LabelMatch, MaskComparison
from tessera_client.correction_types import Draft, Run
from tessera_client.drivers.asynchronous import AsyncDriver
from tessera_client.drivers.http import Endpoint
from tessera_client.operations import (
    comparisons,
    drafts,
    following,
    jobs,
    reading,
    readings,
    results,
    scans,
    segmentation,
    server,
    uploads,
)
from tessera_client.reading_types import (
    ReaderAgreement,
    ReadingOptions,
    SecondReading,
    Verdict,
)
from tessera_client.retries import Retries
from tessera_client.steps import handling
from tessera_client.types import (
    Assignment,
    Batch,
    BatchReview,
    Format,
    Health,
    Job,
    JobOptions,
    JobRequest,
    JobState,
    Model,
    ReaderMeasurement,
    Review,
    Scan,
    Segmentation,
    Selection,
    Source,
    Upload,
)

OnBytes = Callable[[int, int], None]
"""Is called with the bytes that are done, and all bytes."""


class AsyncClient:
    """A Tessera server, called from `async` code. Several tasks may share a client.

        async with AsyncClient("http://127.0.0.1:8000") as client:
            result = await client.segment("t1.nii.gz", "hippocampus-mri-3d")

    Every method raises an exception of `tessera_client.errors`. While the server is unavailable,
    requests are repeated as `retries` states, if a repetition has no other effect.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        timeout_s: float = 30.0,
        retries: Retries | None = None,
    ) -> None:
        """Prepares a client; nothing is sent.

        `url`: the server's address, such as `http://127.0.0.1:8000`. `token`: API key, sent as a
        bearer token. `timeout_s`: how long a connection may be silent, in seconds; uploads and
        downloads that the server works on have longer limits of their own.
        """
        self.retries = retries or Retries()
        """When requests are repeated."""
        self._driver = AsyncDriver(Endpoint(url, token, timeout_s))

    async def __aenter__(self) -> Self:
        """The client itself."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Closes the connections."""
        await self.close()

    async def close(self) -> None:
        """Closes the connections."""
        await self._driver.close()

    async def segment(
        self,
        scan: Source | Mapping[str, Source],
        model: str,
        out: str | PathLike[str] = ".",
        *,
        options: JobOptions | None = None,
        selection: Selection | None = None,
        priority: int = 5,
        mask_format: str | None = None,
        key: str | None = None,
        progress: Callable[[str, float], None] | None = None,
    ) -> Segmentation:
        """Uploads a scan, waits until it is segmented, and downloads mask, preview and report.

        `scan`: a file, a folder, the files of a DICOM series, or these by channel for a model with
        several channels. `out`: the folder for the results, which are named for the scan.
        `mask_format`: format of the mask; by default the one that it is stored in. `key`:
        idempotency key, to find the same job again in another process. `progress`: is called with
        `upload`, `queued`, `running` or `download`, and the share of it that is done, 0 to 1.

        Raises JobFailed if the job ends without a mask. A cancellation cancels the job.
        """
        order = segmentation.Order(
            scan=scan,
            model=model,
            out=Path(out),
            options=options or JobOptions(),
            selection=selection or Selection(),
            priority=priority,
            file_format=mask_format,
            key=key,
            on_progress=progress or (lambda _what, _share: None),
        )
        return await self._driver.run(segmentation.segment(self.retries, order))

    async def upload(
        self, scan: Source, *, selection: Selection | None = None, progress: OnBytes | None = None
    ) -> Scan:
        """Uploads a scan. The server stores the same scan once.

        A folder or several files are sent as one zip. A file of more than 4 MiB continues where it
        was interrupted, also in another process. Raises SeveralScans if there are several and
        `selection` does not choose one.
        """
        chosen = selection or Selection()
        return await self._driver.run(uploads.upload(self.retries, scan, chosen, progress))

    async def upload_each(
        self, scan: Source, *, selection: Selection | None = None, progress: OnBytes | None = None
    ) -> Upload:
        """Uploads every scan of a file or folder, and lists the series that were refused."""
        chosen = selection or Selection()
        return await self._driver.run(uploads.upload_each(self.retries, scan, chosen, progress))

    async def scan(self, scan: str) -> Scan:
        """The scan with this id."""
        return await self._driver.run(scans.get(self.retries, scan))

    def scans(self) -> AsyncIterator[Scan]:
        """All scans, newest first. Pages are requested as they are needed."""
        return self._driver.values(scans.every(self.retries))

    async def delete_scan(self, scan: str) -> None:
        """Deletes a scan with its jobs, masks and reviews.

        Raises Conflict while one of its jobs waits or runs.
        """
        return await self._driver.run(scans.delete(self.retries, scan))

    async def add_mask(self, scan: str, mask: str) -> Job:
        """The label map that was uploaded as the scan `mask`, as a mask of `scan` to be reviewed.

        A finished job that holds it. A DICOM Segmentation needs no such call: an upload of its
        series with it states it in `masks`.
        """
        return await self._driver.run(scans.add_mask(self.retries, scan, mask))

    async def download_scan(
        self, scan: str, to: str | PathLike[str], *, progress: OnBytes | None = None
    ) -> Path:
        """Downloads a scan as NIfTI into the file or existing folder `to`; the file's path."""
        return await self._driver.run(scans.volume(self.retries, scan, Path(to), progress))

    async def submit(
        self,
        scan: str | Mapping[str, str],
        model: str,
        *,
        options: JobOptions | None = None,
        priority: int = 5,
        key: str | None = None,
    ) -> Job:
        """Creates a job for a stored scan, or for the scans of several channels.

        `scan`: id, or channel -> id. `priority`: 0 to 9; 9 is the highest. `key`: idempotency key;
        by default a new one, which all repetitions of this request share, so that one job is
        created.
        """
        inputs = {"scan": scan, "scans": None} if isinstance(scan, str) else {"scans": scan}
        request = JobRequest(model, **inputs, priority=priority, options=options or JobOptions())
        return await self._driver.run(jobs.create(self.retries, request, key))

    async def job(self, job: str) -> Job:
        """The job with this id."""
        return await self._driver.run(jobs.get(self.retries, job))

    def jobs(
        self,
        *,
        state: JobState | None = None,
        model: str | None = None,
        batch: str | None = None,
        assignee: str | None = None,
    ) -> AsyncIterator[Job]:
        """All jobs, or those in a state, of a model, of a batch or assigned to a reader; newest
        first. An empty `assignee` stands for jobs that are assigned to nobody."""
        query = {"state": state, "model": model, "batch": batch, "assignee": assignee}
        return self._driver.values(jobs.every(self.retries, query))

    def follow(self, job: str, *, timeout_s: float | None = None) -> AsyncIterator[Job]:
        """The job now and at each change, until it has ended.

        Raises TimeoutError after `timeout_s` seconds; the job continues.
        """
        return self._driver.values(following.follow(self.retries, job, timeout_s))

    async def wait(
        self,
        job: str,
        *,
        timeout_s: float | None = None,
        progress: Callable[[Job], None] | None = None,
    ) -> Job:
        """Waits until a job has succeeded, and returns it; `progress` is called at each change.

        Raises JobFailed if it ends without a mask, and TimeoutError after `timeout_s` seconds; the
        job continues.
        """
        waiting = following.wait(self.retries, job, timeout_s)
        return await self._driver.run(handling(waiting, progress or (lambda _job: None)))

    async def cancel(self, job: str) -> Job:
        """Cancels a job. Raises Conflict if it has succeeded or failed."""
        return await self._driver.run(jobs.cancel(self.retries, job))

    async def retry(self, job: str) -> Job:
        """Queues a failed or cancelled job again. Raises Conflict if it has succeeded."""
        return await self._driver.run(jobs.retry(self.retries, job))

    async def download_mask(
        self,
        job: str,
        to: str | PathLike[str],
        *,
        mask_format: str | None = None,
        progress: OnBytes | None = None,
    ) -> Path:
        """Downloads a mask into the file or existing folder `to`, and returns the file's path.

        `mask_format`: by default the format that the mask is stored in.
        """
        return await self._driver.run(
            results.file(self.retries, f"{job}/mask", Path(to), mask_format, progress)
        )

    async def download_corrected_mask(
        self, job: str, review: str, to: str | PathLike[str], *, mask_format: str | None = None
    ) -> Path:
        """Downloads the mask that a reviewer corrected; the file's path.

        `mask_format`: by default the format that the mask is stored in.
        """
        path = f"{job}/reviews/{review}/mask"
        return await self._driver.run(results.file(self.retries, path, Path(to), mask_format))

    async def download_report(
        self, job: str, to: str | PathLike[str], *, report_format: str = "json"
    ) -> Path:
        """Downloads a report, as `json`, `csv` or another format of reports; the file's path."""
        return await self._driver.run(
            results.file(self.retries, f"{job}/report", Path(to), report_format)
        )

    async def download_preview(self, job: str, to: str | PathLike[str]) -> Path:
        """Downloads an image (PNG) of the mask over the scan; the file's path."""
        return await self._driver.run(results.file(self.retries, f"{job}/preview.png", Path(to)))

    async def report(self, job: str) -> dict[str, Any]:
        """The report of a job: model, tiling, times, measurements, warnings."""
        return await self._driver.run(results.report(self.retries, job))

    async def submit_batch(
        self, requests: Sequence[JobRequest], *, name: str = "", key: str | None = None
    ) -> Batch:
        """Creates several jobs, or none if one of them is refused. `key`: as for `submit`."""
        return await self._driver.run(jobs.create_batch(self.retries, requests, name, key))

    async def batch(self, batch: str) -> Batch:
        """The batch with this id, and how many of its jobs are in which state."""
        return await self._driver.run(jobs.batch(self.retries, batch))

    async def reviews(self, job: str, *, reader: str = "") -> tuple[Review, ...]:
        """The reviews of a job's mask, oldest first.

        While a second reading is open, these are the reviews of `reader`.
        """
        return await self._driver.run(results.reviews(self.retries, job, reader))

    async def review(
        self,
        job: str,
        verdict: Verdict,
        *,
        comment: str = "",
        reviewer: str = "",
        reasons: Sequence[str] = (),
        adjudicates: bool = False,
        mask_of: str | None = None,
        measurements: Sequence[ReaderMeasurement] = (),
    ) -> Review:
        """Accepts or rejects a mask. A rejection may have `reasons`, such as `missed-part`.

        `adjudicates`: the verdict decides between the readings of a second reading. With the
        verdict `corrected`, `mask_of` is the review whose corrected mask is right; in a second
        reading, only an adjudication has one.
        `measurements`: what the reviewer measured; the service computes their sizes.

        It is not repeated if the response is lost, because it would be added twice; then look at
        `reviews`.
        """
        return await self._driver.run(
            results.review(
                self.retries,
                job,
                verdict,
                comment,
                reviewer,
                reasons,
                adjudicates,
                mask_of,
                measurements,
            )
        )

    async def withdraw_review(self, job: str, review: str, *, reader: str = "") -> Review:
        """Withdraws a verdict of the last five minutes, which then no longer counts.

        `reader`: who withdraws it, for a job with a second reading on a server without accounts.
        """
        return await self._driver.run(results.withdraw_review(self.retries, job, review, reader))

    async def begin_draft(self, job: str, *, reader: str = "", base: str | None = None) -> Draft:
        """Begins a correction of a mask, or returns the one that the reader has begun.

        `base`: the review whose corrected mask is corrected further; None: the job's own mask.
        """
        return await self._driver.run(drafts.begin(self.retries, job, reader, base))

    async def draft(self, job: str, *, reader: str = "") -> Draft:
        """The correction that the reader has begun."""
        return await self._driver.run(drafts.get(self.retries, job, reader))

    async def append_changes(
        self, draft: Draft, runs: Iterable[Run], *, seconds: float = 0.0
    ) -> Draft:
        """Stores changes of a correction, and returns the draft with them.

        `seconds`: how long the reader has worked on them. Raises Conflict if the draft has other
        changes than `draft` knows.
        """
        return await self._driver.run(drafts.append(self.retries, draft, runs, seconds))

    async def draft_changes(self, draft: Draft) -> tuple[Run, ...]:
        """All changes of a correction, in their order."""
        return await self._driver.run(drafts.changes(self.retries, draft))

    async def save_draft(
        self,
        draft: Draft,
        *,
        comment: str = "",
        seen: str | None = None,
        adjudicates: bool = False,
    ) -> Review:
        """Makes a review with the verdict `corrected` of a correction, and its corrected mask.

        `seen`: the newest review that the reader knows, empty for none; if there is a newer one,
        Conflict is raised, and the draft stays. `adjudicates`: as for `review`.
        """
        return await self._driver.run(drafts.save(self.retries, draft, comment, seen, adjudicates))

    async def give_up_draft(self, draft: Draft) -> None:
        """Deletes a correction with all its changes."""
        return await self._driver.run(drafts.give_up(self.retries, draft))

    async def request_second_reading(
        self,
        job: str,
        options: ReadingOptions = ReadingOptions(),  # noqa: B008 - it is immutable
        *,
        reader: str = "",
    ) -> SecondReading:
        """Puts a job up for a second reading; `reader`: who requests it."""
        return await self._driver.run(readings.request(self.retries, job, options, reader))

    async def request_second_readings(
        self,
        *,
        share: float = 1.0,
        seed: int = 0,
        options: ReadingOptions = ReadingOptions(),  # noqa: B008 - it is immutable
        reader: str = "",
        **filters: str,
    ) -> tuple[str, ...]:
        """Puts a share of jobs, chosen at random, up for a second reading; returns their ids.

        `filters` are those of `GET /v1/jobs`, such as `model` and `verdict`.
        """
        return await self._driver.run(
            readings.request_many(self.retries, filters, share, seed, options, reader)
        )

    async def second_reading(self, job: str, *, reader: str = "") -> SecondReading:
        """The second reading of a job, as `reader` may see it."""
        return await self._driver.run(readings.get(self.retries, job, reader))

    async def cancel_second_reading(self, job: str) -> None:
        """Cancels a second reading that is not complete: all its reviews are shown."""
        return await self._driver.run(readings.cancel(self.retries, job))

    async def reader_agreement(self, **filters: str) -> ReaderAgreement:
        """How often two readers agree, over the jobs that the filters of `GET /v1/jobs` select."""
        return await self._driver.run(readings.agreement(self.retries, filters))

    async def compare_masks(
        self,
        job: str,
        *,
        review: str | None = None,
        with_job: str | None = None,
        with_review: str | None = None,
        match: LabelMatch = "auto",
        reader: str = "",
    ) -> MaskComparison:
        """Compares the mask of a job, or of a review of it, with another mask on its grid.

        `with_job`: None for the same job. `match`: which labels mean the same.
        """
        options = {
            "review": review,
            "with_job": with_job,
            "with_review": with_review,
            "match": match,
            "reader": reader,
        }
        return await self._driver.run(comparisons.compare(self.retries, job, options))

    async def review_many(
        self,
        jobs: Mapping[str, str],
        verdict: Verdict,
        *,
        comment: str = "",
        reviewer: str = "",
        reasons: Sequence[str] = (),
        with_doubts: bool = False,
        replace: bool = False,
        key: str | None = None,
    ) -> BatchReview:
        """Accepts or rejects the masks of up to 1,000 jobs, and says what became of each.

        `jobs`: id -> id of the newest review that is known, empty for none. `with_doubts`: accepts
        also masks that there are reasons to doubt. `replace`: also jobs that have a verdict. `key`:
        idempotency key; by default a new one, which all repetitions of this request share.
        """
        more = {
            "comment": comment,
            "reviewer": reviewer,
            "reasons": list(reasons),
            "with_doubts": with_doubts,
            "replace": replace,
        }
        return await self._driver.run(reading.review_many(self.retries, jobs, verdict, more, key))

    async def withdraw_reviews(self, batch: str) -> tuple[str, ...]:
        """Withdraws the verdicts of a `review_many` of the last five minutes; ids of the jobs."""
        return await self._driver.run(reading.withdraw(self.retries, batch))

    async def assign(self, job: str, assignee: str, *, seen: str | None = None) -> Job:
        """Assigns a job to a reader, or, with an empty name, to nobody.

        Raises Conflict if the job has another reader than `seen`, where it is given.
        """
        return await self._driver.run(reading.assign(self.retries, job, assignee, seen))

    async def assign_many(self, jobs: Sequence[str], assignee: str) -> tuple[Assignment, ...]:
        """Assigns up to 1,000 jobs to a reader, or, with an empty name, to nobody."""
        return await self._driver.run(reading.assign_many(self.retries, jobs, assignee))

    async def models(self) -> tuple[Model, ...]:
        """All models, by name."""
        return await self._driver.run(server.models(self.retries))

    async def model(self, name: str) -> Model:
        """The model with this name, and its card."""
        return await self._driver.run(server.model(self.retries, name))

    async def formats(self) -> tuple[Format, ...]:
        """All formats that scans can be uploaded in, or results be downloaded in."""
        return await self._driver.run(server.formats(self.retries))

    async def health(self) -> Health:
        """Whether the server can serve now, and which part cannot. Not repeated."""
        return await self._driver.run(server.health())
