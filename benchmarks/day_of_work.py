"""A day's work for an installation, done by clients in a compressed time."""

import io
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import nibabel
import numpy as np
from PIL import Image

from models.registry import Registry
from tests.support.convolutions import network
from tests.support.dicom.associations import store
from tests.support.dicom.mr_series import series

PER_DAY = {
    "upload an image and segment it": 720,
    "upload a volume and segment it": 720,
    "submit a batch of ten jobs": 144,
    "submit and cancel": 288,
    "follow a job to its end": 480,
    "follow a job and drop the connection": 480,
    "review a mask": 288,
    "correct a mask": 144,
    "send a DICOM series": 72,
    "begin an upload and leave it": 144,
    "upload a damaged file": 144,
    "submit an impossible job": 144,
    "add a model, use it, remove it": 24,
    "list jobs and read metrics": 1440,
    "delete what is a while old": 288,
}
"""How often each thing is done on a day. Every job ends in a webhook message; every series is
segmented and its mask sent to an archive by C-STORE."""
IMAGE_MODEL, VOLUME_MODEL = "nuclei-2d", "small"
KEEP_S = 60.0
"""Age at which scans are deleted, with their jobs and masks."""
CLIENTS = 8
Step = Callable[[], None]


class DayOfWork:
    """Does everything in PER_DAY, evenly spread over `day_s` seconds, until it is stopped."""

    def __init__(self, address: str, dicom_port: int, models: Path, day_s: float) -> None:
        """`models`: the folder of added models, one of which is VOLUME_MODEL."""
        self._client = httpx.Client(base_url=address, timeout=60)
        self._dicom_port, self._models, self._day_s = dicom_port, models, day_s
        self._random, self._numbers = random.Random(1), iter(range(1 << 40))
        self._lock, self._over = threading.Lock(), threading.Event()
        self.done: Counter[str] = Counter()
        self.problems: Counter[str] = Counter()
        """Whatever did not end as it should."""
        self._steps: Mapping[str, Step] = dict(
            zip(
                PER_DAY,
                (
                    self._image, self._volume, self._batch, self._cancel, self._follow, self._drop,
                    self._review, self._correct, self._dicom, self._leave_upload, self._damaged,
                    self._impossible, self._model, self._look, self.delete_old,
                ),
                strict=True,
            )
        )  # fmt: skip
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        """Begins; `stop` ends it."""
        self._thread.start()

    def stop(self) -> None:
        """Returns when the last thing is done."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def close(self) -> None:
        """Closes the connections."""
        self.stop()
        self._client.close()

    def delete_old(self, keep_s: float = KEEP_S) -> None:
        """Deletes scans of this age whose jobs have ended."""
        cursor: str | None = ""
        while cursor is not None:
            query = {"limit": 200, **({"cursor": cursor} if cursor else {})}
            page = self._get("/v1/scans", **query)
            for scan in page["scans"]:
                created = datetime.fromisoformat(scan["created_at"]).timestamp()
                if time.time() - created > keep_s:
                    answer = self._client.delete(f"/v1/scans/{scan['id']}")
                    self._expect(answer, 204, 404, 409)
            cursor = page["next_cursor"]

    def _run(self) -> None:
        began = time.monotonic()
        due = {
            name: began + self._random.random() * self._day_s / number
            for name, number in PER_DAY.items()
        }
        with ThreadPoolExecutor(CLIENTS) as pool:
            while not self._over.is_set():
                name = min(due, key=due.__getitem__)
                if self._over.wait(max(0.0, due[name] - time.monotonic())):
                    return
                due[name] += self._day_s / PER_DAY[name]
                pool.submit(self._do, name)

    def _do(self, name: str) -> None:
        try:
            self._steps[name]()
        except Exception as error:  # noqa: BLE001 - reported at the end
            self._note(f"{name}: {type(error).__name__} {str(error)[:200]}")
        with self._lock:
            self.done[name] += 1

    def _note(self, problem: str) -> None:
        with self._lock:
            self.problems[problem] += 1

    def _number(self) -> int:
        with self._lock:
            return next(self._numbers)

    def _expect(self, answer: httpx.Response, *statuses: int) -> httpx.Response:
        if answer.status_code not in statuses:
            path = answer.request.url.path.split("/")[1:3]
            self._note(f"{answer.request.method} /{'/'.join(path)}: {answer.status_code}")
        return answer

    def _get(self, path: str, **query: Any) -> Any:
        return self._client.get(path, params=query).raise_for_status().json()

    def _upload(self, content: bytes, name: str) -> str:
        answer = self._client.post("/v1/scans", files={"files": (name, content)})
        return str(self._expect(answer, 201).json()["id"])

    def _submit(self, scan: str, model: str) -> str:
        answer = self._client.post("/v1/jobs", json={"scan": scan, "model": model})
        return str(self._expect(answer, 202).json()["id"])

    def _any_succeeded(self, model: str | None = None) -> dict[str, Any] | None:
        wanted = {"model": model} if model else {}
        page = self._get("/v1/jobs", state="succeeded", limit=30, **wanted)
        return self._random.choice(page["jobs"]) if page["jobs"] else None

    def _image(self) -> None:
        self._submit(self._upload(image_file(self._number()), "image.png"), IMAGE_MODEL)

    def _volume(self) -> None:
        self._submit(self._upload(volume_file(self._number()), "volume.nii"), VOLUME_MODEL)

    def _batch(self) -> None:
        scan = self._upload(volume_file(self._number()), "volume.nii")
        body = {"name": "ten", "jobs": [{"scan": scan, "model": VOLUME_MODEL}] * 10}
        self._expect(self._client.post("/v1/batches", json=body), 202)

    def _cancel(self) -> None:
        job = self._submit(self._upload(volume_file(self._number()), "v.nii"), VOLUME_MODEL)
        self._expect(self._client.post(f"/v1/jobs/{job}/cancel"), 200, 409)  # 409: it has ended

    def _follow(self, lines: int | None = None) -> None:
        job = self._submit(self._upload(image_file(self._number()), "image.png"), IMAGE_MODEL)
        with self._client.stream("GET", f"/v1/jobs/{job}/events") as answer:
            self._expect(answer, 200)
            for number, _ in enumerate(answer.iter_lines()):
                if number == lines or self._over.is_set():
                    return

    def _drop(self) -> None:
        self._follow(lines=1)

    def _review(self) -> None:
        if job := self._any_succeeded():
            body = {"verdict": self._random.choice(("accepted", "rejected")), "reviewer": "reader"}
            self._expect(self._client.post(f"/v1/jobs/{job['id']}/reviews", json=body), 201, 404)

    def _correct(self) -> None:
        job = self._any_succeeded(VOLUME_MODEL)
        if job is None:
            return
        mask = self._client.get(f"/v1/jobs/{job['id']}/mask", params={"format": "nifti"})
        if self._expect(mask, 200, 404).status_code == 404:  # deleted meanwhile
            return
        (scan,) = job["scans"].values()
        sent = {"label": ("label.nii.gz", mask.content)}
        query = {"image": scan, "tag": "final"}
        answer = self._client.put("/monai-label/datastore/label", params=query, files=sent)
        self._expect(answer, 200, 404)

    def _dicom(self) -> None:
        images = series(slices=8, size=24, seed=self._number())
        if any(store(self._dicom_port, images)):
            self._note("C-STORE was refused")

    def _leave_upload(self) -> None:
        content = volume_file(self._number())
        headers = {
            "Tus-Resumable": "1.0.0",
            "Upload-Length": str(len(content)),
            "Content-Type": "application/offset+octet-stream",
        }
        answer = self._client.post("/v1/uploads", headers=headers, content=content[:4096])
        self._expect(answer, 201)

    def _damaged(self) -> None:
        content = volume_file(self._number())
        for name, bad in (("v.nii", content[:500]), ("v.nii.gz", b"\x1f\x8b" + content[:300])):
            answer = self._client.post("/v1/scans", files={"files": (name, bad)})
            self._expect(answer, 400, 415, 422)

    def _impossible(self) -> None:
        scan = self._upload(image_file(self._number()), "image.png")
        body = {"scan": scan, "model": VOLUME_MODEL}  # an image, for a model of volumes
        self._expect(self._client.post("/v1/jobs", json=body), 409, 422)

    def _model(self) -> None:
        number = self._number()
        name = f"added-{number % 3}"
        add_model(self._models, name, 4 + number % 32)  # another network each time
        scan = self._upload(volume_file(self._number()), "volume.nii")
        first = self._submit(scan, name)
        end = time.monotonic() + 60
        while self._get(f"/v1/jobs/{first}")["state"] in ("queued", "running"):
            if time.monotonic() > end or self._over.wait(0.5):
                break
        Registry(self._models).remove(name)

    def _look(self) -> None:
        self._expect(self._client.get("/v1/jobs"), 200)
        self._expect(self._client.get("/metrics"), 200)


def add_model(models: Path, name: str, width: int) -> None:
    """A network of random weights in the folder of added models."""
    draft = models.with_name(f"draft-{name}")
    network(draft, name, width)
    models.mkdir(parents=True, exist_ok=True)
    draft.rename(models / name)


def image_file(number: int) -> bytes:
    """A PNG with bright discs, another for each number."""
    rng = np.random.default_rng(number)
    edge = int(rng.integers(96, 160))
    rows, columns = np.mgrid[:edge, :edge]
    values = rng.normal(20, 5, (edge, edge))
    for row, column in rng.integers(0, edge, (12, 2)):
        values[(rows - row) ** 2 + (columns - column) ** 2 < 64] += 150
    file = io.BytesIO()
    Image.fromarray(values.clip(0, 255).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def volume_file(number: int) -> bytes:
    """A NIfTI of noise, another for each number."""
    rng = np.random.default_rng(number)
    shape = tuple(rng.integers(20, 32, 3))
    voxels = rng.normal(size=shape).astype(np.float32)
    return nibabel.Nifti1Image(voxels, np.eye(4)).to_bytes()
