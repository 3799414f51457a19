"""Starts Tessera and segments two real scans: upload, queue, worker, mask, report, preview."""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nibabel
import nilearn
import numpy as np
import skimage
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from cli.client import Client
from imaging.errors import TesseraError
from imaging.formats import registry
from inference.options import RunOptions
from jobs.parent_death import signal_on_parent_death

HIPPOCAMPUS_MM = (-27.0, -22.0, -15.0)
"""About the middle of the left hippocampus in MNI space, RAS+ mm."""
CROP_MM = (40, 56, 44)


def main() -> None:
    """Starts Tessera, segments both scans and prints where the results are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--once", action="store_true", help="stop when the masks are written")
    parser.add_argument("--out", type=Path, default=Path("demo-output"))
    options = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: sys.exit(128 + received))  # stops the service
    options.out.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    service = _start(options.out / "data", port)
    try:
        _wait(address, service)
        with Client(address) as client:
            jobs = [
                _segment(client, scan, model, options.out)
                for scan, model in (
                    (_mni152(options.out), "hippocampus-mri-3d"),
                    (Path(skimage.__file__).parent / "data" / "ihc.png", "nuclei-2d"),
                )
            ]
        for job in jobs:
            print(f"Review: {address}/#job={job}")
        if not options.once:
            print(f"Tessera keeps running at {address}. Press Ctrl-C to stop it.", flush=True)
            service.wait()
    except KeyboardInterrupt:
        pass
    except TesseraError as error:
        sys.exit(f"Error: {error}")
    finally:
        _stop(service)


def _mni152(folder: Path) -> Path:
    """The MNI152 T1 template that nilearn carries, cut around the left hippocampus."""
    (template,) = (Path(nilearn.__file__).parent / "datasets" / "data").glob(
        "mni_icbm152_t1_*.nii.gz"
    )
    image = nibabel.load(template)
    centre = np.linalg.inv(image.affine) @ (*HIPPOCAMPUS_MM, 1.0)
    half = np.array(CROP_MM) / 2
    low = np.round(centre[:3] - half).astype(int)
    cut = image.slicer[tuple(slice(a, a + n) for a, n in zip(low, CROP_MM, strict=True))]
    cut.header.set_xyzt_units("mm")
    path = folder / "mni152-left-hippocampus.nii.gz"
    nibabel.save(cut, path)
    return path


def _segment(client: Client, scan: Path, model: str, out: Path) -> str:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("tiles"),
    )
    job = client.submit({"": client.upload(scan)}, model, RunOptions(), priority=5)
    with Progress(*columns) as progress:
        task = progress.add_task(f"{scan.name} with {model}", total=None)
        client.wait(job, lambda done, total: progress.update(task, completed=done, total=total))
    stem = scan.name.removesuffix(".nii.gz").removesuffix(".png")
    result = client.fetch(job, out / stem)
    mask = out / f"{stem}-mask{registry.mask_format(result.mask_format).file_ending}"
    result.mask.replace(mask)
    preview = result.preview.replace(out / f"{stem}-preview.png")
    report = out / f"{stem}-report.json"
    report.write_text(json.dumps(result.report, indent=2) + "\n")
    result.mask.parent.rmdir()
    _print_sizes(scan, model, result.report)
    for what, path in (("mask", mask), ("preview", preview), ("report", report)):
        print(f"  {what:8} {path}")
    return job


def _print_sizes(scan: Path, model: str, report: dict[str, Any]) -> None:
    table = Table(
        "label",
        "size",
        title=f"{scan.name} · {model}",
        title_justify="left",
        box=None,
        min_width=60,
    )
    measurements = report["measurements"]
    for row in measurements["labels"]:
        ml = row["volume_ml"]
        table.add_row(
            row["name"], f"{ml:.2f} ml" if ml is not None else f"{row['voxels']:,} pixels"
        )
    if measurements["instances"]:
        table.add_row("objects", f"{measurements['instances']['count']:,}")
    Console().print(table)


def _start(data: Path, port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-P", "-c", "from cli.main import main; main()"]
    return subprocess.Popen(
        [*command, "up", "--data", str(data), "--port", str(port)],
        start_new_session=True,
        preexec_fn=signal_on_parent_death(signal.SIGTERM),
    )


def _wait(address: str, service: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and service.poll() is None:
        with socket.socket() as probe:
            host, _, port = address.removeprefix("http://").partition(":")
            if probe.connect_ex((host, int(port))) == 0:
                return
        time.sleep(0.1)
    sys.exit("Tessera did not start; the lines above say why.")


def _stop(service: subprocess.Popen[bytes]) -> None:
    if service.poll() is None:
        os.killpg(service.pid, signal.SIGTERM)
        service.wait(30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
