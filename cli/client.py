"""A server's API, as far as the command needs it."""

import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from imaging.errors import BadRequest, TesseraError, Unavailable
from imaging.formats.atomic import raising_storage_full
from imaging.formats.mask_file import SUFFIXES
from imaging.formats.ome_write import pack
from inference.options import RunOptions
from inference.segmentation_output import SegmentationOutput
from models.card import ModelCard

_FINAL = ("succeeded", "failed", "cancelled")
_PATIENCE_S = 30.0
"""How long a server may be away while its job is waited for: a restart must not lose the waiter."""
_KINDS = {"image/png": "png", "image/tiff": "ome-tiff"}
"""Formats of masks by their media type."""
_LAST_PORT = 65535
_AWAY = (502, 503, 504)


class JobFailed(TesseraError):
    """The server made no mask of this scan, and says why."""


class _Away(Unavailable):
    """The server, or what it needs, is not there now; asking again may help."""


class Client:
    """Talks to the gateway at `url`."""

    def __init__(self, url: str) -> None:
        """Raises BadRequest where `url` is none of HTTP."""
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise _no_address() from error
        sound = parsed.scheme in ("http", "https") and parsed.host
        if not sound or (parsed.port or 0) > _LAST_PORT:
            raise _no_address()
        # A proxy that the environment names is for other hosts than this one.
        outside = parsed.host not in ("localhost", "127.0.0.1", "::1")
        timeout = httpx.Timeout(30, read=300, write=300)
        self._http = httpx.Client(base_url=url, timeout=timeout, trust_env=outside)

    def channels(self, model: str) -> list[str]:
        """What the model looks at, in its own order."""
        return [str(name) for name in self._call("GET", f"/v1/models/{quote(model)}")["channels"]]

    def card(self, model: str) -> ModelCard:
        """The model's card."""
        return ModelCard.model_validate(self._call("GET", f"/v1/models/{quote(model)}")["card"])

    def upload(self, path: Path) -> str:
        """Sends a scan; its id."""
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
        """Asks for a segmentation; its job's id. A single scan may stand under ''."""
        named = {"scan": scans[""]} if "" in scans else {"scans": dict(scans)}
        body = {**named, "model": model, "priority": priority, "options": asdict(options)}
        return str(self._call("POST", "/v1/jobs", json=body)["id"])

    def segment(
        self,
        scans: Mapping[str, Path],
        model: str,
        folder: Path,
        options: RunOptions,
        priority: int,
        on_tile: Callable[[int, int], None],
    ) -> SegmentationOutput:
        """Uploads, asks, waits and fetches; an interrupt cancels the job."""
        ids = {name: self.upload(path) for name, path in scans.items()}
        job = self.submit(ids, model, options, priority)
        try:
            self.wait(job, on_tile)
        except KeyboardInterrupt:
            self._cancel(job)
            raise
        return self.fetch(job, folder)

    def fetch(self, job: str, folder: Path) -> SegmentationOutput:
        """Mask, preview and report of a finished job."""
        folder.mkdir(parents=True, exist_ok=True)
        come, preview = folder / "mask", folder / "preview.png"
        answer = self._patiently(job, "/mask", come)
        kind = _KINDS.get(answer.headers["content-type"].partition(";")[0], "nifti")
        mask = come.replace(folder / f"mask{SUFFIXES[kind]}")
        self._patiently(job, "/preview.png", preview)
        return SegmentationOutput(mask, kind, preview, _object(self._patiently(job, "/report")))

    def wait(self, job: str, on_tile: Callable[[int, int], None]) -> None:
        """Until the job is done; raises what it failed of."""
        while True:
            state = _object(self._patiently(job))
            on_tile(state["progress"]["tiles_done"], state["progress"]["tiles_total"])
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
                f"The server at {self._http.base_url} does not answer, so that job {job} could "
                "not be cancelled: it goes on there.",
                hint="Cancel it there when the server answers again.",
            ) from error

    def _patiently(self, job: str, part: str = "", into: Path | None = None) -> httpx.Response:
        """Something of a job, asked for again while the server is away; its bytes in a file."""
        until = None
        while True:
            try:
                return self._checked(lambda: self._got(f"/v1/jobs/{job}{part}", into))
            except _Away as error:
                now = time.monotonic()
                until = until or now + _PATIENCE_S
                if now >= until:
                    raise Unavailable(
                        f"{error.detail} Job {job} goes on there.",
                        hint=f"Fetch {self._http.base_url.join(f'v1/jobs/{job}/mask')} "
                        "when it answers again and the job is done.",
                    ) from error
            time.sleep(1)

    def _got(self, path: str, into: Path | None) -> httpx.Response:
        if into is None:
            return self._http.get(path, timeout=_PATIENCE_S)
        with self._http.stream("GET", path, timeout=_PATIENCE_S) as answer:
            if not answer.is_success:
                answer.read()
                return answer
            with raising_storage_full(), into.open("wb") as file:
                for block in answer.iter_bytes():
                    file.write(block)
        return answer

    def _call(self, method: str, path: str, **kwargs: Any) -> dict[str, Any]:
        return _object(self._checked(lambda: self._http.request(method, path, **kwargs)))

    def _checked(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        try:
            answer = send()
        except httpx.HTTPError as error:
            raise _Away(
                f"The server at {self._http.base_url} does not answer.",
                hint="Check the address, and that `tessera up` or a gateway runs there.",
            ) from error
        if answer.is_success:
            return answer
        problem = _told(answer)
        kind = BadRequest if answer.status_code < 500 else Unavailable
        raise (_Away if answer.status_code in _AWAY else kind)(
            problem.get("detail") or f"The server answered with status {answer.status_code}.",
            expected=problem.get("expected", ""),
            hint=problem.get("hint", ""),
        )


def _no_address() -> BadRequest:
    return BadRequest(
        "The server's address is no URL of HTTP.",
        expected="A host after http:// or https://, as http://127.0.0.1:8000.",
        hint="Give it with --server.",
    )


def _told(answer: httpx.Response) -> dict[str, Any]:
    """The JSON object that it holds; empty where another program answered."""
    try:
        told = answer.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _object(answer: httpx.Response) -> dict[str, Any]:
    """A JSON object; raises BadRequest where the server is none of ours."""
    told = _told(answer)
    if not told:
        raise BadRequest(
            "The server's answer is not Tessera's.", hint="Check the address after --server."
        )
    return told
