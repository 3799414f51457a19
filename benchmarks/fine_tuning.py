"""Fine-tunes a network on ten corrected masks and measures it on scans that nobody has used.

    python -m benchmarks.fine_tuning DATA WORK [--json FILE]

DATA is a folder with images/ and labels/ of hippocampus crops (Medical Segmentation Decathlon,
Task04). By a hash of their names, 100 crops train a small network, the parent; 10 others are
scanned once more by an imagined protocol (the contrast of T2, slices of 2 mm, some noise), on which
the parent is weak, and their masks are corrected; 20 others are scanned by it and only measured.
The correction is the reference mask, drawn voxel by voxel over HTTP into the mask of the parent.

Everything goes through a real service of one gateway and one worker, and the commands `tessera
dataset export`, `train --start` and `models add`. WORK keeps the parent and the trainings, which
continue if the benchmark is started again; the service is made anew. Needs the extra `train`.
"""

import argparse
import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import nibabel
import numpy as np
from numpy.typing import NDArray

from benchmarks.gateway_process import free_port, running
from benchmarks.record import save
from imaging.metrics import dice

NAME = "hippocampus-small"
TRAINED, CORRECTED, MEASURED = 100, 10, 20
THICK = 2
"""Slices of 1 mm that one slice of the other protocol averages, along the coronal axis."""
NOISE = 0.06
"""Standard deviation of the noise in each of two channels (Rician), relative to the contrast."""
LABELS = {1: "anterior hippocampus", 2: "posterior hippocampus"}
CONFIG = """
seed = 3
[card]
name = "{name}"
title = "Hippocampus, anterior and posterior, in T1 MRI (small)"
channels = [{{ name = "t1" }}]
labels = [
    {{ value = 1, name = "anterior hippocampus", color = "#e6550d" }},
    {{ value = 2, name = "posterior hippocampus", color = "#3182bd" }},
]
outputs = [0, 1, 2]
postprocessing = [{{ step = "largest_component", labels = [1, 2] }}]
spacing_mm = [1.0, 1.0, 1.0]
intensity = {{ kind = "zscore" }}
licence = "CC-BY-SA-4.0"
[data]
images = "images"
labels = "labels"
validation = 10
[network]
dimension = 3
out_channels = 3
widths = [8, 16, 32, 64]
padding = "same"
[augmentation]
rotation_degrees = [3, 15, 3]
scale = 1.15
stretch = 1.12
flips = [0]
brightness = 0.3
contrast = 0.25
gamma = 1.5
noise = 0.1
blur = 0.9
bias_field = 0.2
[optimisation]
steps = {steps}
batch = 2
output = [32, 48, 32]
learning_rate = 4e-3
averaging = 0.99
evaluate_every = 50
threads = 1
"""


@dataclass(frozen=True, slots=True)
class Crop:
    """One crop of the other protocol, with its reference mask on the same grid."""

    name: str
    image: NDArray[np.float32]
    label: NDArray[np.uint8]

    @property
    def file(self) -> bytes:
        """A NIfTI file of the image."""
        spacing = np.diag([1.0, float(THICK), 1.0, 1.0])
        stored = nibabel.Nifti1Image(self.image, spacing)
        return gzip.compress(bytes(stored.to_bytes()), mtime=0)


def main() -> None:
    """Trains, corrects, fine-tunes and measures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--parent-steps", type=int, default=250)
    parser.add_argument("--steps", type=int, default=160)
    parser.add_argument("--learning-rate", type=float, default=3e-3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    names = sorted((options.data / "images").glob("*.nii.gz"), key=_place)
    folders = _parent(names[:TRAINED], options.data, options.work, options.parent_steps)
    crops = [_fast(path, options.data) for path in names[TRAINED:][: CORRECTED + MEASURED]]
    corrected, measured = crops[:CORRECTED], crops[CORRECTED:]
    with service(options.work / "service") as server:
        server.command("models", "add", folders)
        before = [server.segment(crop, NAME) for crop in measured]
        for crop in corrected:
            server.correct(crop, NAME)
        seconds = time.monotonic()
        exported = server.export(options.work / "data-set")
        server.command(
            *("train", "--start", NAME, "--data", exported, "--out", options.work / "run"),
            *("--steps", options.steps, "--learning-rate", options.learning_rate),
            *("--threads", 1, "--publish"),
        )
        seconds = time.monotonic() - seconds
        version = f"{NAME}@2"
        after = [server.segment(crop, version) for crop in measured]
        card = server.http.get(f"/v1/models/{version}").json()["card"]
    rows = [_row("all", before, after, measured, 0)]
    rows += [_row(name, before, after, measured, value) for value, name in LABELS.items()]
    for row in rows:
        print(row)
    print(json.dumps({"parent": card["parent"], "figures": card["figures"]}, indent=1))
    if options.json:
        facts = {
            "corrected": CORRECTED,
            "measured": MEASURED,
            "steps": options.steps,
            "seconds": round(seconds),
            "parent": card["parent"],
            "figures": card["figures"],
        }
        save(options.json, rows, **facts)


def _place(path: Path) -> str:
    return hashlib.sha256(f"fine-tuning {path.name}".encode()).hexdigest()


def _parent(paths: Sequence[Path], data: Path, work: Path, steps: int) -> Path:
    """The folder of the parent, which is trained on the crops as they are."""
    for kind in ("images", "labels"):
        (work / "parent-data" / kind).mkdir(parents=True, exist_ok=True)
        for path in paths:
            link = work / "parent-data" / kind / path.name
            if not link.exists():
                link.symlink_to((data / kind / path.name).resolve())
    config = work / "parent.toml"
    config.write_text(CONFIG.format(name=NAME, steps=steps))
    run = work / "parent-run"
    _command("train", config, "--data", work / "parent-data", "--out", run)
    _command("export", run / "best.pt", "-o", work / "parent")
    return work / "parent"


def _fast(path: Path, data: Path) -> Crop:
    """A crop as the other protocol would show it, and its mask on the thick slices."""
    image = np.asarray(nibabel.load(path).dataobj, np.float32)
    label = np.asarray(nibabel.load(data / "labels" / path.name).dataobj).astype(np.uint8)
    low, high = np.percentile(image, [1, 99])
    grey = np.clip((image - low) / (high - low), -0.2, 1.3)
    grey = 1 - grey  # fluid is bright, as in T2
    slices = grey.shape[1] // THICK
    shape = (grey.shape[0], slices, THICK, grey.shape[2])
    thick = grey[:, : slices * THICK].reshape(shape).mean(axis=2)
    votes = label[:, : slices * THICK].reshape(shape)
    counts = np.stack([(votes == value).sum(axis=2) for value in (0, *LABELS)])
    random = np.random.default_rng(int(_place(path)[:12], 16))
    noise = random.normal(0, NOISE, (2, *thick.shape))
    noisy = np.hypot(thick + noise[0], noise[1])
    return Crop(
        path.name.removesuffix(".nii.gz"),
        noisy.astype(np.float32),
        counts.argmax(axis=0).astype(np.uint8),
    )


def _command(*arguments: object, **environment: str) -> str:
    """Runs `tessera`; its output. Ends the benchmark if it fails."""
    code = "from cli.main import main; main()"
    command = [sys.executable, "-P", "-c", code, *map(str, arguments)]
    done = subprocess.run(
        command, env=os.environ | environment, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"tessera {arguments[0]} failed with {done.returncode}: {done.stdout}")
    print(done.stdout, end="", flush=True)
    return done.stdout


@contextmanager
def service(data: Path) -> Iterator["Service"]:
    """`tessera up` in the folder `data`, which is emptied before."""
    shutil.rmtree(data, ignore_errors=True)
    port = free_port()
    settings = {"TESSERA_DATA": str(data), "TESSERA_PORT": str(port)}
    code = "from cli.main import main; main()"
    with running([sys.executable, "-P", "-c", code, "up"], port, settings) as http:
        yield Service(http, settings)


class Service:
    """A running service, used over HTTP and by commands on its machine."""

    def __init__(self, http: httpx.Client, settings: dict[str, str]) -> None:
        self.http, self._settings = http, settings

    def command(self, *arguments: object) -> None:
        """Runs `tessera` with the data folder of the service."""
        _command(*arguments, **self._settings)

    def export(self, out: Path) -> Path:
        """The corrected masks as a data set, from the server."""
        shutil.rmtree(out, ignore_errors=True)
        self.command("dataset", "export", NAME, "-o", out, "--server", self.http.base_url)
        return out

    def job(self, crop: Crop, model: str) -> tuple[str, NDArray[np.uint8]]:
        """A finished job of a crop, and its mask."""
        files = {"files": (f"{crop.name}.nii.gz", crop.file)}
        scan = self._answer(self.http.post("/v1/scans", files=files))["id"]
        request = {"scan": scan, "model": model}
        job = self._answer(self.http.post("/v1/jobs", json=request))["id"]
        while True:
            state = self._answer(self.http.get(f"/v1/jobs/{job}"))
            if state["state"] not in ("queued", "running"):
                break
            time.sleep(0.05)
        if state["state"] != "succeeded" or state["model"] != model:
            raise SystemExit(f"A job ended as {state}")
        answer = self.http.get(f"/v1/jobs/{job}/mask", params={"format": "nifti"})
        stored = nibabel.Nifti1Image.from_stream(BytesIO(gzip.decompress(answer.content)))
        return job, np.asarray(stored.dataobj).astype(np.uint8)

    def segment(self, crop: Crop, model: str) -> NDArray[np.uint8]:
        """The mask of a crop."""
        return self.job(crop, model)[1]

    def correct(self, crop: Crop, model: str) -> None:
        """Segments a crop and draws the reference mask into the result, as the page does."""
        job, mask = self.job(crop, model)
        wrong = np.flatnonzero((mask != crop.label).ravel(order="F"))
        values = crop.label.ravel(order="F")[wrong]
        runs = np.stack([wrong, np.ones_like(wrong), values], axis=1).astype("<u4")
        path = f"/v1/jobs/{job}/draft"
        draft = self._answer(self.http.put(path, json={"reader": "reader"}))["id"]
        query = {"reader": "reader", "draft": draft, "seconds": "60"}
        self._answer(
            self.http.put(
                f"{path}/changes/1",
                params=query,
                content=gzip.compress(runs.tobytes()),
                headers={"Content-Type": "application/octet-stream"},
            )
        )
        review = {"verdict": "corrected", "draft": draft, "draft_changes": 1, "reviewer": "reader"}
        self._answer(self.http.post(f"/v1/jobs/{job}/reviews", json=review))

    @staticmethod
    def _answer(answer: httpx.Response) -> dict[str, Any]:
        if not answer.is_success:
            raise SystemExit(f"{answer.request.url.path}: {answer.text}")
        return dict(answer.json())


def _row(
    what: str,
    before: Sequence[NDArray[np.uint8]],
    after: Sequence[NDArray[np.uint8]],
    crops: Sequence[Crop],
    value: int,
) -> dict[str, Any]:
    """Dice of a label (0: of all as one) before and after: mean, and the number that got better."""
    pairs = [
        tuple(_dice(mask, crop.label, value) for mask in masks)
        for *masks, crop in zip(before, after, crops, strict=True)
    ]
    old, new = np.array(pairs).T
    return {
        "what": what,
        "before": round(float(old.mean()), 4),
        "after": round(float(new.mean()), 4),
        "lowest_before": round(float(old.min()), 4),
        "lowest_after": round(float(new.min()), 4),
        "better": int((new > old).sum()),
        "cases": len(pairs),
    }


def _dice(mask: NDArray[np.uint8], label: NDArray[np.uint8], value: int) -> float:
    chosen = (mask == value, label == value) if value else (mask > 0, label > 0)
    return dice(*chosen)


if __name__ == "__main__":
    main()
