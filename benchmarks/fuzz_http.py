"""Sends damaged files to a gateway in uploads of every kind, and fetches what it accepts.

benchmarks/fuzz.py runs it with `--http`. A finding is a status of 5xx, an answer that takes more
than 10 s or is incomplete, an error that is not a problem document, an error in the gateway's log,
a file left in its scratch folder, more than 2 GB of memory, or the end of its process.
"""

import json
import logging
import os
import re
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlencode

import httpx
import nibabel
import numpy as np

from benchmarks.fuzz_seeds import seeds
from benchmarks.fuzz_upload import Upload, damaged_upload
from benchmarks.mutate import mutated
from imaging.formats import registry
from tests.support.cards import card
from tests.support.finished_jobs import run_job
from tests.support.gateway import Gateway, start

SECONDS_PER_ANSWER = 10
MEMORY_BYTES = 2 << 30
_ADDRESS_SPACE = 4 * MEMORY_BYTES
_PRELUDE = f"import resource\nresource.setrlimit(resource.RLIMIT_AS, ({_ADDRESS_SPACE},) * 2)"
_SETTINGS = {
    "max_voxels": str(1 << 26),
    "max_pixels": str(1 << 24),
    "max_unpacked_bytes": str(1 << 27),
    "max_upload_bytes": str(1 << 24),
}
_CARDS = (card("flat", 2, "rgb", components=3), card("grey", 2, "grey"), card("solid", 3, "t1"))
_LARGEST_MASK = 1 << 20
"""Voxels of the largest scan for which a mask is made."""
_ERRORS = re.compile(r"Traceback|^\S.* (ERROR|CRITICAL) ", re.MULTILINE)
_OURS = re.compile(r"/(?:imaging|service|jobs)/(\S+):(\d+) in")


class Finding(Exception):
    """What a gateway must not do."""


def supervise(name: str, seconds: float, out: Path, seed: int) -> None:
    """Sends damaged files of a format for some seconds; prints the number of answers by status."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    originals, random, end = seeds(), Random(seed), time.monotonic() + seconds
    uploads, kinds, answers = 0, set[str](), Counter[str]()
    while time.monotonic() < end:
        with _gateway() as gateway:
            target = Target(gateway, answers)
            while time.monotonic() < end and gateway.process.poll() is None:
                upload = damaged_upload(originals, name, random)
                uploads += 1
                kind = _outcome(target, upload)
                if kind and kind not in kinds and _outcome(target, upload) == kind:
                    kinds.add(kind)
                    small = _reduced(target, upload, kind)
                    small.save(out / f"http-{name}-{seed}-{len(kinds)}")
                    print(f"{name} {len(kinds)}: {kind}", flush=True)
    statuses = {status: answers[status] for status in sorted(answers)}
    requests = sum(answers.values())
    print(
        f"{name}: {uploads} uploads, {requests} requests, {len(kinds)} findings, {statuses}",
        flush=True,
    )


@contextmanager
def _gateway() -> Iterator[Gateway]:
    """A gateway with small limits, with models that have no networks."""
    with tempfile.TemporaryDirectory() as name:
        os.environ.setdefault("TESSERA_CACHE", name)
        models = Path(name) / "models"
        for one in _CARDS:
            (models / one.name).mkdir(parents=True)
            one.save(models / one.name / "card.json")
        gateway = start(Path(name) / "data", _PRELUDE, models=str(models), **_SETTINGS)
        try:
            yield gateway
        finally:
            gateway.stop()


def _outcome(target: "Target", upload: Upload) -> str:
    """What the gateway must not do, which it did with this upload; "" for nothing."""
    try:
        target.try_everything(upload)
    except Finding as finding:
        return str(finding)
    return ""


def _reduced(target: "Target", upload: Upload, kind: str) -> Upload:
    """The upload with fewer files, parameters and bytes, if that shows the same."""
    trials = [replace(upload, files=(one,)) for one in upload.files]
    trials += [replace(upload, query=(one,)) for one in upload.query]
    for trial in (replace(upload, query=()), *trials):
        if _outcome(target, trial) == kind:
            return trial
    return upload


@dataclass
class Target:
    """A gateway whose every answer is checked."""

    gateway: Gateway
    answers: Counter[str]
    _log_read: int = field(init=False)

    def __post_init__(self) -> None:
        self._log_read = self.gateway.log.stat().st_size

    def try_everything(self, upload: Upload) -> None:
        """Sends the upload, fetches and deletes the scans that it makes; raises Finding."""
        self.gateway.forget_peak()
        if upload.sent_bytes is not None:
            self._break_off(upload)
            return
        headers = {name: value.encode("latin-1") for name, value in upload.headers.items()}
        answer = self.send(upload.method, upload.address, content=upload.content(), headers=headers)
        if answer.is_success:
            self._use(answer.json(), upload)

    def send(self, method: str, address: str, **options: Any) -> httpx.Response:
        """One request, and all checks of its answer and of the gateway; raises Finding."""
        began = time.monotonic()
        route = f"{method} " + re.sub(r"[0-9a-f]{32}", "ID", address.partition("?")[0])
        try:
            answer = self.gateway.client.request(method, address, **options)
        except httpx.HTTPError as error:
            self._check_gateway(f"{type(error).__name__} after {route}")
            raise Finding(f"{type(error).__name__}: {route}") from error
        self.answers[str(answer.status_code)] += 1
        if answer.status_code >= 500:
            raise Finding(f"{answer.status_code}: {route} {self._place()}")
        if (took := time.monotonic() - began) > SECONDS_PER_ANSWER:
            raise Finding(f"slow: {route}, {took:.0f} s")
        if answer.is_client_error:
            _check_problem(answer, route)
        self._check_gateway(route)
        return answer

    def _use(self, received: dict[str, Any], upload: Upload) -> None:
        random = Random(upload.seed)
        if "session_id" in received:
            address = f"/monai-label/session/{received['session_id']}"
            self.send("GET", f"{address}?image=true")
            self.send("DELETE", address)
            return
        if "image" in received:
            query = urlencode({"image": received["image"]})
            named = self.send("GET", f"/monai-label/datastore/image/info?{query}").json()
            received = {"id": named["name"].partition(".")[0]}
        scans = received.get("scans", [received])
        for scan in scans[:3]:
            self._fetch(scan["id"], random)
        for scan in scans:
            self.send("DELETE", f"/v1/scans/{scan['id']}")

    def _fetch(self, scan_id: str, random: Random) -> None:
        scan = self.send("GET", f"/v1/scans/{scan_id}").json()
        for address in (
            f"/v1/scans/{scan_id}/volume",
            f"/monai-label/datastore/image?image={scan_id}",
            f"/monai-label/datastore/image/info?image={scan_id}",
            "/v1/scans?limit=2",
            "/monai-label/datastore?output=all",
        ):
            self.send("GET", address)
        grid = scan["shape"][1:]
        if np.prod(grid, dtype=object) <= _LARGEST_MASK:
            self._draw(scan_id, scan, random)
            self._segment(scan_id, grid, random)

    def _draw(self, scan_id: str, scan: dict[str, Any], random: Random) -> None:
        """Stores a damaged label map, and fetches it."""
        grid = (*scan["shape"][1:], 1)[:3]
        with suppress(nibabel.spatialimages.HeaderDataError, OverflowError):
            affine = np.array(scan["affine"]) if len(scan["affine"]) == 4 else np.eye(4)
            whole = nibabel.Nifti1Image(np.ones(grid, np.uint8), affine).to_bytes()
            files = {"label": ("a.nii", mutated(whole, "nifti", random))}
            params = {"params": random.choice(("{}", '{"label_info": [{"name": "a", "idx": 1}]}'))}
            label = f"/monai-label/datastore/label?image={scan_id}&label={scan_id}"
            self.send("PUT", label, files=files, data=params)
            self.send("GET", label)

    def _segment(self, scan_id: str, grid: list[int], random: Random) -> None:
        """Finishes a job as a worker does, and fetches its results in every format."""
        for model in _CARDS:
            answer = self.send("POST", "/v1/jobs", json={"scan": scan_id, "model": model.name})
            if not answer.is_success:
                continue
            job = answer.json()["id"]
            mask = np.zeros(grid, random.choice((np.uint8, np.uint16)))
            mask[tuple(slice(size // 2, None) for size in grid)] = 1
            run_job(self.gateway, job, mask)
            for one in self.send("GET", f"/v1/jobs/{job}/downloads").json():
                self.send("GET", one["url"])
            other = random.choice(registry.names(registry.MASK_FORMATS))
            self.send("GET", f"/v1/jobs/{job}/mask?{urlencode({'format': other})}")
            self.send("GET", f"/v1/jobs/{job}/preview.png")
            return

    def _break_off(self, upload: Upload) -> None:
        """Sends a part of the request and closes the connection."""
        body = b"".join(upload.blocks())
        lines = [f"{upload.method} {upload.address} HTTP/1.1", "Host: localhost"]
        lines += [f"{name}: {value}" for name, value in upload.headers.items()]
        lines += [f"Content-Length: {len(body)}", "", ""]
        with socket.create_connection(("127.0.0.1", self.gateway.port), 10) as connection:
            connection.sendall("\r\n".join(lines).encode("latin-1") + body[: upload.sent_bytes])
        self.answers["broken off"] += 1
        self._check_gateway("an upload that is broken off")

    def _check_gateway(self, route: str) -> None:
        if self.gateway.process.poll() is not None:
            raise Finding(f"the process ended with {self.gateway.process.returncode}: {route}")
        new = self._new_log()
        if _ERRORS.search(new):
            raise Finding(f"logged: {route} {_place_in(new)}")
        if self.gateway.peak_bytes() > MEMORY_BYTES:
            raise Finding(f"{self.gateway.peak_bytes() >> 20} MB: {route}")
        end = time.monotonic() + SECONDS_PER_ANSWER
        while self._scratch():
            if time.monotonic() > end:
                raise Finding(f"left in scratch: {route}")
            time.sleep(0.01)

    def _scratch(self) -> list[Path]:
        files = (self.gateway.data / "tmp").glob("gateway-*/*")
        return [path for path in files if not path.name.startswith(".")]

    def _new_log(self) -> str:
        with self.gateway.log.open("rb") as file:
            file.seek(self._log_read)
            new = file.read()
        self._log_read += len(new)
        return new.decode("utf-8", "replace")

    def _place(self) -> str:
        time.sleep(0.05)
        return _place_in(self._new_log())


def _place_in(log: str) -> str:
    """The class of the last error in a log, and the innermost line of our own code."""
    kinds = re.findall(r"error [0-9a-f]{32}: (\w+)", log)
    lines = _OURS.findall(log)
    return " ".join([*kinds[-1:], *(f"{file}:{line}" for file, line in lines[-1:])])


def _check_problem(answer: httpx.Response, route: str) -> None:
    kind = answer.headers.get("content-type", "")
    with suppress(json.JSONDecodeError):
        if kind == "application/problem+json" and {"title", "detail"} <= answer.json().keys():
            return
    raise Finding(f"{answer.status_code} is not a problem: {route} {kind}")
