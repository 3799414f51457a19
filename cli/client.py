"""Segmentation on a Tessera server, for `tessera segment --server`."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import tessera_client
from cli.job_failed import JobFailed
from cli.server_unavailable import ServerUnavailable
from imaging.errors import BadRequest, TesseraError, Unavailable
from imaging.formats import registry
from imaging.formats.atomic import raising_storage_full
from imaging.formats.ome_zarr.save import pack
from inference.options import RunOptions
from inference.run_context import RunContext
from inference.segmentation_output import SegmentationOutput
from jobs.settings import Settings
from models.any_card import AnyCard, parse_card
from tessera_client import Job, JobOptions, Retries

NO_WORKER = "No running worker serves the queue '{queue}'. The job waits until one starts."
WAITING = "The job waits for {part} of the server, which is unavailable."
_UNAUTHORIZED = 401
_KEY_HINT = "Set TESSERA_API_KEY to a key of this server. Ask its administrator for one."
_RETRY_S = 30.0
"""How long a server that does not answer is retried, such as during a restart."""


def api_client(url: str, **options: Any) -> tessera_client.Client:
    """A client with the key of TESSERA_API_KEY. Raises tessera_client.InvalidAddress."""
    return tessera_client.Client(url, token=Settings().api_key or None, **options)


class Client:
    """Sends the command's requests to the gateway at `url`."""

    def __init__(self, url: str) -> None:
        """Raises BadRequest unless `url` is a URL of HTTP or HTTPS."""
        with translated_errors():
            self._api = api_client(url, retries=Retries(total_s=_RETRY_S))
        self._url = url.rstrip("/")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._api.close()

    def channels(self, model: str) -> list[str]:
        """The model's channels, in the model's order."""
        with translated_errors():
            return list(self._api.model(model).channels)

    def card(self, model: str) -> AnyCard:
        """The model's card."""
        with translated_errors():
            return parse_card(self._api.model(model).card)

    def upload(self, path: Path) -> str:
        """Uploads a scan and returns its id."""
        if path.is_dir():  # an OME-Zarr
            with tempfile.TemporaryDirectory(prefix="tessera-") as folder:
                packed = Path(folder) / f"{path.name}.zip"
                pack(path, packed)
                return self.upload(packed)
        with translated_errors():
            return self._api.upload(path).id

    def submit(
        self,
        scans: Mapping[str, str],
        model: str,
        options: RunOptions,
        priority: int,
        key: str = "",
    ) -> str:
        """Creates a job and returns its id; the key of a single channel's scan may be ''.

        `key`: idempotency key; requests with the same key give the same job. Empty: a new key.
        """
        inputs: str | dict[str, str]
        if set(scans) == {""}:
            inputs = scans[""]
        else:
            inputs = {name or self.channels(model)[0]: one for name, one in scans.items()}
        with translated_errors():
            chosen = JobOptions(**asdict(options))
            job = self._api.submit(
                inputs, model, options=chosen, priority=priority, key=key or None
            )
            return job.id

    def segment(
        self,
        scans: Mapping[str, Path],
        model: str,
        folder: Path,
        options: RunOptions,
        priority: int,
        context: RunContext,
        key: str = "",
    ) -> SegmentationOutput:
        """Uploads the scans, creates a job, waits for it and fetches its results.

        `context` is told the job's progress. `key`: as for `submit`. A keyboard interrupt cancels
        the job.
        """
        ids = {name: self.upload(path) for name, path in scans.items()}
        job = self.submit(ids, model, options, priority, key)
        try:
            self.wait(job, context.on_tile, context.on_preparing, context.on_notice)
        except KeyboardInterrupt:
            self._cancel(job)
            raise
        return self.fetch(job, folder)

    def fetch(self, job: str, folder: Path) -> SegmentationOutput:
        """Fetches mask, preview and report of a finished job into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        with self._continuing(job), raising_storage_full():
            stored = self._api.job(job).mask_format
            mask_format = registry.mask_format(stored or registry.stored_formats()[0].name)
            mask = self._api.download_mask(job, folder / f"mask{mask_format.file_ending}")
            preview = self._api.download_preview(job, folder / "preview.png")
            report = self._api.report(job)
        return SegmentationOutput(mask, mask_format.name, preview, report)

    def wait(
        self,
        job: str,
        on_tile: Callable[[int, int], None],
        on_preparing: Callable[[bool], None] = lambda _preparing: None,
        on_notice: Callable[[str], None] = lambda _text: None,
    ) -> None:
        """Waits until the job is done; raises JobFailed if it has no mask."""
        stated = ""

        def report(state: Job) -> None:
            nonlocal stated
            reason = _reason_to_wait(state)
            if reason and reason != stated:
                on_notice(reason)
            stated = reason
            on_preparing(state.progress.preparing)
            on_tile(state.progress.tiles_done, state.progress.tiles_total)

        with self._continuing(job):
            self._api.wait(job, progress=report)

    def _cancel(self, job: str) -> None:
        try:
            with api_client(
                self._url, timeout_s=5, retries=Retries(total_s=0, first_contact_s=0)
            ) as api:
                api.cancel(job)
        except tessera_client.Unavailable as error:
            raise Unavailable(
                f"{error.detail} Job {job} was not cancelled and continues there.",
                expected="A running server.",
                hint="Cancel the job on the server when it answers again.",
            ) from error
        except tessera_client.TesseraError:
            return  # it has ended

    @contextmanager
    def _continuing(self, job: str) -> Iterator[None]:
        """Translates errors; says that the job continues where the server does not answer."""
        try:
            with translated_errors():
                yield
        except ServerUnavailable as error:
            raise ServerUnavailable(
                f"{error.detail} Job {job} continues there.",
                expected="A running server.",
                hint=f"Fetch {self._url}/v1/jobs/{job}/mask when the server answers again and the "
                "job is done.",
            ) from error


def _reason_to_wait(job: Job) -> str:
    """Why a job cannot begin now; empty if it can."""
    if job.waiting_for:
        return WAITING.format(part=job.waiting_for)
    return NO_WORKER.format(queue=job.queue) if job.no_worker else ""


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raises the errors of the client as those of the command."""
    try:
        yield
    except tessera_client.InvalidAddress as error:
        raise BadRequest(error.detail, expected=error.expected, hint="Change --server.") from error
    except tessera_client.UnexpectedResponse as error:
        hint = "Check the address after --server."
        raise BadRequest(error.detail, expected=error.expected, hint=hint) from error
    except tessera_client.NotAllowed as error:
        hint = _KEY_HINT if error.status == _UNAUTHORIZED else error.hint
        raise BadRequest(error.detail, expected=error.expected, hint=hint) from error
    except tessera_client.TesseraError as error:
        kind = next(kind for known, kind in _KINDS if isinstance(error, known))
        raise kind(error.detail, expected=error.expected, hint=error.hint) from error


_KINDS: tuple[tuple[type[tessera_client.TesseraError], type[TesseraError]], ...] = (
    (tessera_client.JobFailed, JobFailed),
    (tessera_client.Unavailable, ServerUnavailable),
    (tessera_client.ServerFailed, Unavailable),
    (tessera_client.TesseraError, BadRequest),
)
