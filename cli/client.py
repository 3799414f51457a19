"""A server's API, as far as the command needs it."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx

from imaging.errors import BadRequest, TesseraError, Unavailable
from inference.options import RunOptions

_FINAL = ("succeeded", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Fetched:
    """A mask that a server made, fetched into a folder."""

    mask: Path
    mask_format: str
    preview: Path
    report: dict[str, Any]


class Client:
    """Talks to the gateway at `url`."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=httpx.Timeout(30, read=300, write=300))

    def upload(self, path: Path) -> str:
        """Sends a scan; its id."""
        with path.open("rb") as file:
            return str(self._call("POST", "/v1/scans", files={"files": (path.name, file)})["id"])

    def submit(
        self, scans: Mapping[str, str], model: str, options: RunOptions, priority: int
    ) -> str:
        """Asks for a segmentation; its job's id. A single scan may stand under ''."""
        named = {"scan": scans[""]} if "" in scans else {"scans": dict(scans)}
        body = {**named, "model": model, "priority": priority, "options": asdict(options)}
        return str(self._call("POST", "/v1/jobs", json=body)["id"])

    def job(self, job: str) -> dict[str, Any]:
        """Where a job stands."""
        return self._call("GET", f"/v1/jobs/{job}")

    def segment(
        self,
        scans: Mapping[str, Path],
        model: str,
        folder: Path,
        options: RunOptions,
        priority: int,
        on_tile: Callable[[int, int], None],
    ) -> Fetched:
        """Uploads, asks, waits and fetches; an interrupt cancels the job."""
        ids = {name: self.upload(path) for name, path in scans.items()}
        job = self.submit(ids, model, options, priority)
        try:
            self.wait(job, on_tile)
        except KeyboardInterrupt:
            self._http.post(f"/v1/jobs/{job}/cancel")
            raise
        return self.fetch(job, folder)

    def fetch(self, job: str, folder: Path) -> Fetched:
        """Mask, preview and report of a finished job."""
        folder.mkdir(parents=True, exist_ok=True)
        answer = self._get(f"/v1/jobs/{job}/mask")
        kind = "png" if answer.headers["content-type"].startswith("image/png") else "nifti"
        mask = folder / ("mask.png" if kind == "png" else "mask.nii.gz")
        mask.write_bytes(answer.content)
        preview = folder / "preview.png"
        preview.write_bytes(self._get(f"/v1/jobs/{job}/preview.png").content)
        return Fetched(mask, kind, preview, self._call("GET", f"/v1/jobs/{job}/report"))

    def wait(self, job: str, on_tile: Callable[[int, int], None]) -> None:
        """Until the job is done; raises what it failed of."""
        while True:
            state = self.job(job)
            on_tile(state["progress"]["tiles_done"], state["progress"]["tiles_total"])
            if state["state"] in _FINAL:
                break
            time.sleep(0.25)
        if state["state"] != "succeeded":
            problem = state["error"] or {}
            raise TesseraError(
                problem.get("detail") or f"The job was {state['state']}.",
                expected=problem.get("expected", ""),
                todo=problem.get("todo", ""),
            )

    def _get(self, path: str) -> httpx.Response:
        return self._checked(lambda: self._http.get(path))

    def _call(self, method: str, path: str, **kwargs: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self._checked(
            lambda: self._http.request(method, path, **kwargs)
        ).json()
        return answer

    def _checked(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        try:
            answer = send()
        except httpx.HTTPError as error:
            raise Unavailable(
                f"The server at {self._http.base_url} does not answer.",
                todo="Check the address, and that `tessera up` or a gateway runs there.",
            ) from error
        if answer.is_success:
            return answer
        try:
            problem = answer.json()
        except json.JSONDecodeError:
            problem = {"detail": f"The server answered with status {answer.status_code}."}
        kind = BadRequest if answer.status_code < 500 else Unavailable
        raise kind(
            problem.get("detail", ""),
            expected=problem.get("expected", ""),
            todo=problem.get("todo", ""),
        )
