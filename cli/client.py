"""A client of a Tessera server's API, for `tessera segment --server`."""

import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from cli.job_failed import JobFailed
from imaging.errors import BadRequest, Unavailable
from imaging.formats import registry
from imaging.formats.atomic import raising_storage_full
from imaging.formats.format import MaskFormat
from imaging.formats.ome_zarr.save import pack
from inference.options import RunOptions
from inference.run_context import RunContext
from inference.segmentation_output import SegmentationOutput
from models.any_card import AnyCard, parse_card

_FINAL = ("succeeded", "failed", "cancelled")
_RETRY_S = 30.0
"""How long a server that does not answer is retried while waiting for a job, such as during a
restart."""
_LAST_PORT = 65535
_UNAVAILABLE = (502, 503, 504)


class _Unreachable(Unavailable):
    """The server, or a service that it needs, does not answer; retrying may help."""


class Client:
    """Sends requests to the gateway at `url`."""

    def __init__(self, url: str) -> None:
        """Raises BadRequest unless `url` is a URL of HTTP or HTTPS."""
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise _invalid_address() from error
        valid = parsed.scheme in ("http", "https") and parsed.host
        if not valid or (parsed.port or 0) > _LAST_PORT:
            raise _invalid_address()
        # Proxies in the environment are not meant for this machine.
        is_remote = parsed.host not in ("localhost", "127.0.0.1", "::1")
        timeout = httpx.Timeout(30, read=300, write=300)
        self._http = httpx.Client(base_url=url, timeout=timeout, trust_env=is_remote)

    def channels(self, model: str) -> list[str]:
        """The model's channels, in the model's order."""
        return [str(name) for name in self._call("GET", f"/v1/models/{quote(model)}")["channels"]]

    def card(self, model: str) -> AnyCard:
        """The model's card."""
        return parse_card(self._call("GET", f"/v1/models/{quote(model)}")["card"])

    def upload(self, path: Path) -> str:
        """Uploads a scan and returns its id."""
        if path.is_dir():  # an OME-Zarr
            with tempfile.TemporaryDirectory(prefix="tessera-") as folder:
                packed = Path(folder) / f"{path.name}.zip"
                pack(path, packed)
                return self.upload(packed)
        with path.open("rb") as file:
            return str(self._call("POST", "/v1/scans", files={"files": (path.name, file)})["id"])

    def submit(
        self, scans: Mapping[str, str], model: str, options: RunOptions, priority: int
    ) -> str:
        """Creates a job and returns its id; the key of a single channel's scan may be ''."""
        if set(scans) == {""}:
            inputs: dict[str, Any] = {"scan": scans[""]}
        else:
            inputs = {"scans": {n or self.channels(model)[0]: one for n, one in scans.items()}}
        body = {**inputs, "model": model, "priority": priority, "options": asdict(options)}
        return str(self._call("POST", "/v1/jobs", json=body)["id"])

    def segment(
        self,
        scans: Mapping[str, Path],
        model: str,
        folder: Path,
        options: RunOptions,
        priority: int,
        context: RunContext,
    ) -> SegmentationOutput:
        """Uploads the scans, creates a job, waits for it and fetches its results.

        `context` is told the job's progress. A keyboard interrupt cancels the job.
        """
        ids = {name: self.upload(path) for name, path in scans.items()}
        job = self.submit(ids, model, options, priority)
        try:
            self.wait(job, context.on_tile, context.on_preparing)
        except KeyboardInterrupt:
            self._cancel(job)
            raise
        return self.fetch(job, folder)

    def fetch(self, job: str, folder: Path) -> SegmentationOutput:
        """Fetches mask, preview and report of a finished job into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        downloaded, preview = folder / "mask", folder / "preview.png"
        response = self._retrying(job, "/mask", downloaded)
        stored = _stored_format(response.headers["content-type"].partition(";")[0])
        mask = downloaded.replace(folder / f"mask{stored.file_ending}")
        self._retrying(job, "/preview.png", preview)
        report = _required_object(self._retrying(job, "/report"))
        return SegmentationOutput(mask, stored.name, preview, report)

    def wait(
        self,
        job: str,
        on_tile: Callable[[int, int], None],
        on_preparing: Callable[[bool], None] = lambda _preparing: None,
    ) -> None:
        """Waits until the job is done; raises JobFailed if it has no mask."""
        while True:
            state = _required_object(self._retrying(job))
            progress = state["progress"]
            on_preparing(progress.get("preparing", False))  # older servers do not report it
            on_tile(progress["tiles_done"], progress["tiles_total"])
            if state["state"] in _FINAL:
                break
            time.sleep(0.25)
        if state["state"] != "succeeded":
            problem = state["error"] or {}
            raise JobFailed(
                problem.get("detail") or f"The job was {state['state']}.",
                expected=problem.get("expected", ""),
                hint=problem.get("hint", ""),
            )

    def _cancel(self, job: str) -> None:
        try:
            self._http.post(f"/v1/jobs/{job}/cancel", timeout=5)
        except httpx.TransportError as error:
            raise Unavailable(
                f"The server at {self._http.base_url} does not answer. Job {job} was not cancelled "
                "and continues there.",
                expected="A running server.",
                hint="Cancel the job on the server when it answers again.",
            ) from error

    def _retrying(self, job: str, part: str = "", into: Path | None = None) -> httpx.Response:
        """Fetches a job or a part of it, retrying while the server does not answer.

        `into`: a file for the response's body.
        """
        deadline = None
        while True:
            try:
                return self._checked(lambda: self._get(f"/v1/jobs/{job}{part}", into))
            except _Unreachable as error:
                now = time.monotonic()
                deadline = deadline or now + _RETRY_S
                if now >= deadline:
                    raise Unavailable(
                        f"{error.detail} Job {job} continues there.",
                        expected="A running server.",
                        hint=f"Fetch {self._http.base_url.join(f'v1/jobs/{job}/mask')} "
                        "when the server answers again and the job is done.",
                    ) from error
            time.sleep(1)

    def _get(self, path: str, into: Path | None) -> httpx.Response:
        if into is None:
            return self._http.get(path, timeout=_RETRY_S)
        with self._http.stream("GET", path, timeout=_RETRY_S) as response:
            if not response.is_success:
                response.read()
                return response
            with raising_storage_full(), into.open("wb") as file:
                for block in response.iter_bytes():
                    file.write(block)
        return response

    def _call(self, method: str, path: str, **kwargs: Any) -> dict[str, Any]:
        return _required_object(self._checked(lambda: self._http.request(method, path, **kwargs)))

    def _checked(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        try:
            response = send()
        except httpx.HTTPError as error:
            raise _Unreachable(
                f"The server at {self._http.base_url} does not answer.",
                expected="A running server.",
                hint="Check the address, and that `tessera up` or a gateway runs there.",
            ) from error
        status = response.status_code
        if response.is_success:
            return response
        problem = _json_object(response)
        kind = BadRequest if status < 500 else Unavailable
        raise (_Unreachable if status in _UNAVAILABLE else kind)(
            problem.get("detail") or f"The server answered with status {status}.",
            expected=problem.get("expected", ""),
            hint=problem.get("hint", ""),
        )


def _invalid_address() -> BadRequest:
    return BadRequest(
        "The server's address is not a valid HTTP URL.",
        expected="A URL such as http://127.0.0.1:8000.",
        hint="Change --server.",
    )


def _stored_format(media_type: str) -> MaskFormat:
    """The format that a mask of this media type is stored in; NIfTI for any other media type."""
    formats = registry.stored_formats()
    return next((one for one in formats if one.media_type == media_type), formats[0])


def _json_object(response: httpx.Response) -> dict[str, Any]:
    """The JSON object in a response; empty where another program answered."""
    try:
        value = response.json()
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _required_object(response: httpx.Response) -> dict[str, Any]:
    """The JSON object in a response; raises BadRequest where the server is not a Tessera server."""
    value = _json_object(response)
    if not value:
        raise BadRequest(
            "The server's response is not one of Tessera.",
            expected="The address of a Tessera server.",
            hint="Check the address after --server.",
        )
    return value
