"""The work that is done under faults, by a client that repeats what fails, and its checks."""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
import nibabel
import numpy as np
from sqlalchemy import select

from inference.engine import Engine
from inference.options import RunOptions
from jobs.blob_collector import BlobCollector
from jobs.blobs import open_blobs
from jobs.repository import Repository
from jobs.repository.schema.job_tables import job_scans, jobs
from jobs.repository.schema.scan_tables import scans
from jobs.settings import Settings
from models.registry import Registry

MODEL = "small"
OPTIONS = {"device": "cpu", "precision": "fp32"}
SHAPE = (24, 24, 24)
BATCH = 100


class Client:
    """Asks one gateway after the other until one answers, as a user's program should."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = cycle(addresses)
        self.statuses: Counter[str] = Counter()

    def call(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        """The body of the first answer below 400. Any other below 500 is a fault of the test."""
        while True:
            url = next(self._addresses) + path
            try:
                answer = httpx.request(method, url, timeout=30, **request)
            except httpx.TransportError as error:
                self.statuses[type(error).__name__] += 1
            else:
                self.statuses[str(answer.status_code)] += 1
                if answer.status_code < 400:
                    return dict(answer.json())
                if answer.status_code < 500:
                    raise SystemExit(f"{method} {path}: {answer.status_code} {answer.text}")
            time.sleep(0.5)


def make_scans(folder: Path, count: int) -> list[Path]:
    """Cubes of noise, all different."""
    folder.mkdir()
    rng = np.random.default_rng(1)
    for number in range(count):
        voxels = rng.normal(size=SHAPE).astype(np.float32)
        nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), folder / f"{number}.nii")
    return [folder / f"{number}.nii" for number in range(count)]


def right_masks(paths: Sequence[Path], models: Path, out: Path) -> list[str]:
    """SHA-256 of the mask of each scan, from a run without faults."""
    engine = Engine(Registry(models), "cpu", threads=1)
    options = RunOptions("cpu", "fp32")
    return [
        hashlib.sha256(
            engine.segment({"image": path}, MODEL, out / path.stem, options).mask.read_bytes()
        ).hexdigest()
        for path in paths
    ]


def submit(client: Client, paths: Sequence[Path], count: int) -> list[str]:
    """Uploads the scans and orders `count` jobs in batches; returns the scans' ids."""
    ids = []
    for path in paths:
        files = {"files": (path.name, path.read_bytes())}
        ids.append(str(client.call("POST", "/v1/scans", files=files)["id"]))
    for start in range(0, count, BATCH):
        wanted = [
            {"scan": ids[number % len(ids)], "model": MODEL, "options": OPTIONS}
            for number in range(start, min(count, start + BATCH))
        ]
        client.call(
            "POST", "/v1/batches", json={"name": f"from {start}", "jobs": wanted},
            headers={"Idempotency-Key": f"batch-{start}"},
        )  # fmt: skip
    return ids


def problems(
    settings: Settings,
    ids: Sequence[str],
    right: Sequence[str],
    count: int,
    folders: Sequence[Path],
) -> list[str]:
    """Everything that is not as it has to be after the last job."""
    repository, found = Repository(settings.database), []
    with repository.database.read() as connection:
        query = select(jobs, job_scans.c.scan).join(job_scans, job_scans.c.job == jobs.c.id)
        rows = connection.execute(query).mappings().all()
        stored = set(connection.execute(select(scans.c.sha256)).scalars())
    wanted = dict(zip(ids, right, strict=True))
    if len(rows) != count:
        found.append(f"{len(rows)} jobs are stored instead of {count}")
    for state, number in Counter(row["state"] for row in rows).items():
        if state != "succeeded":
            found.append(f"{number} jobs are {state}")
    found += sorted({str(row["error"]) for row in rows if row["error"]})
    wrong = sum(row["mask_sha256"] != wanted[row["scan"]] for row in rows)
    if wrong:
        found.append(f"{wrong} masks are not right")
    blobs = open_blobs(settings)
    collector = BlobCollector(
        repository.references, blobs, settings.model_copy(update={"blob_grace_s": 0.0})
    )
    sum(collector.collect())
    stored |= {row[name] for row in rows for name in ("mask_sha256", "preview_sha256")}
    left = {name for names in blobs.older_than(-3600) for name in names}
    if left != stored:
        found.append(f"{len(left - stored)} blobs without owner, {len(stored - left)} lost")
    for name in left & stored:
        with blobs.local(name):
            pass  # its content is verified
    scratch = [path for folder in folders for path in folder.glob("tmp/**/*") if path.is_file()]
    found += [f"left in scratch: {path}" for path in scratch if not path.name.startswith(".")]
    repository.close()
    return found


def until(condition: Callable[[], bool], patience_s: float) -> bool:
    """Whether the condition came true in time."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.5)
    return False
