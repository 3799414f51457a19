"""Time to the first mask: one small volume from the command line and through a fresh service.

    python -P benchmarks/first_mask.py [--old REVISION] [--runs 5] [--json FILE]

Runs `tessera --help`, `tessera segment` with an empty and with a filled cache, and the first and
second job of a service with an empty cache, ordered as soon as it is ready. The volume is the
sample of hippocampus-mri-3d: 40 x 56 x 44 voxels. With `--old`, each run is followed by the same
run of an older revision. `python -c pass` is measured beside them. Prints medians of seconds and of
processor seconds; the latter hardly depend on what else the machine does. With
`--json benchmarks/results/first-mask.json` the results are saved for benchmarks/report.py.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import nibabel as nib

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE))

from gateway_process import free_port, running  # noqa: E402
from record import save  # noqa: E402

from imaging.box import Box  # noqa: E402
from inference.sample_scans import sample_scans  # noqa: E402
from models.registry import Registry  # noqa: E402

MODEL = "hippocampus-mri-3d"
PYTHON = [sys.executable, "-P", "-c"]
TESSERA = [*PYTHON, "from cli.main import main; main()"]
PASS = "python -c pass"
HELP = "tessera --help"
COLD, WARM = "tessera segment, empty cache", "tessera segment, filled cache"
FIRST, SECOND = "first job of a service with an empty cache", "second job of that service"

Sample = dict[str, float]
"""`seconds` and, of commands, `cpu`: processor seconds."""


def main() -> None:
    """Prints and saves a row for each kind of run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--old", help="revision to compare with; none: this revision alone")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path, help="file for the results")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, trees(Path(folder), options.old) as measured:
        scan = Path(folder) / "crop.nii.gz"
        write_scan(scan)
        rows = medians(samples(Path(folder), scan, measured, options.runs))
    report(rows)
    if options.json:
        save(options.json, rows, old=options.old or "", runs=options.runs)


@contextmanager
def trees(folder: Path, revision: str | None) -> Iterator[dict[str, Path]]:
    """This source tree, and that of the older revision, if there is one."""
    if revision is None:
        yield {"new": HERE.parent}
        return
    old = folder / "old"
    git("worktree", "add", "--quiet", "--detach", str(old), revision)
    try:
        built_page = HERE.parent / "service" / "static"
        if built_page.is_dir():  # the page is not in the repository
            shutil.copytree(built_page, old / "service" / "static", dirs_exist_ok=True)
        yield {"new": HERE.parent, "old": old}
    finally:
        git("worktree", "remove", "--force", str(old))


def git(*arguments: str) -> None:
    """Runs git in the repository."""
    subprocess.run(["git", *arguments], cwd=HERE.parent, check=True)


def write_scan(path: Path) -> None:
    """Writes the model's sample as NIfTI."""
    (scan,) = sample_scans(Registry().network(MODEL)).values()
    nib.save(nib.Nifti1Image(scan.read(Box.whole(scan.grid))[0], scan.affine), path)


def samples(
    folder: Path, scan: Path, measured: dict[str, Path], runs: int
) -> Iterator[tuple[str, str, Sample]]:
    """(what, tree, sample) of each run; the first run of a tree compiles its files and counts not.

    Runs of the trees alternate, so that what else the machine does affects them alike.
    """
    for number in range(runs + 1):
        for tree, root in measured.items():
            for what, sample in one_run(folder, scan, root):
                if number:
                    yield what, tree, sample


def one_run(folder: Path, scan: Path, root: Path) -> Iterator[tuple[str, Sample]]:
    """Each kind of run once, of the source tree `root`."""
    with tempfile.TemporaryDirectory(dir=folder) as empty:
        environment = environment_of(root, Path(empty) / "cache")
        segment = ["segment", str(scan), "--model", MODEL, "-o", f"{empty}/mask.nii.gz"]
        yield PASS, timed([*PYTHON, "pass"], environment)
        yield HELP, timed([*TESSERA, "--help"], environment)
        yield COLD, timed([*TESSERA, *segment], environment)
        yield WARM, timed([*TESSERA, *segment], environment)
    with tempfile.TemporaryDirectory(dir=folder) as empty:
        environment = environment_of(root, Path(empty) / "cache")
        port = free_port()
        command = [*TESSERA, "up", "--data", f"{empty}/data", "--port", str(port)]
        with running(command, port, environment) as client:
            sent = client.post("/v1/scans", files={"files": (scan.name, scan.read_bytes())})
            scan_id = str(sent.raise_for_status().json()["id"])
            yield FIRST, job(client, scan_id)
            yield SECOND, job(client, scan_id)


def environment_of(root: Path, cache: Path) -> dict[str, str]:
    """Variables with which a process runs the source tree `root`; its compiled files are kept."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {
        "PYTHONPATH": str(root),
        "PYTHONDONTWRITEBYTECODE": "",
        "TESSERA_CACHE": str(cache),
        "TESSERA_DATA": str(cache.with_name("none")),
    }


def timed(command: Sequence[str], environment: dict[str, str]) -> Sample:
    """Runs a command to its end."""
    before, began = processor_seconds(), time.perf_counter()
    subprocess.run(command, env=environment, check=True, capture_output=True, cwd="/")
    return {"seconds": time.perf_counter() - began, "cpu": processor_seconds() - before}


def processor_seconds() -> float:
    """Of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def job(client: httpx.Client, scan: str) -> Sample:
    """From POST until the mask is there."""
    began = time.perf_counter()
    order = {"scan": scan, "model": MODEL}
    place = f"/v1/jobs/{client.post('/v1/jobs', json=order).raise_for_status().json()['id']}"
    while (state := client.get(place).json()["state"]) in ("queued", "running"):
        time.sleep(0.01)
    if state != "succeeded":
        raise SystemExit(f"The job {state}.")
    client.get(f"{place}/mask").raise_for_status()
    return {"seconds": time.perf_counter() - began}


def medians(taken: Iterator[tuple[str, str, Sample]]) -> list[dict[str, Any]]:
    """A row for each kind of run: for each tree the medians of seconds and processor seconds."""
    found: dict[str, dict[str, list[Sample]]] = {}
    for what, tree, sample in taken:
        found.setdefault(what, {}).setdefault(tree, []).append(sample)
    return [
        {"what": what} | {tree: median_of(runs) for tree, runs in of_trees.items()}
        for what, of_trees in found.items()
    ]


def median_of(runs: Sequence[Sample]) -> Sample:
    """The median of each value."""
    return {name: round(median(run[name] for run in runs), 3) for name in runs[0]}


def report(rows: Sequence[dict[str, Any]]) -> None:
    """Prints the rows, each with its ratio to `python -c pass` of the same tree."""
    (base,) = (row for row in rows if row["what"] == PASS)
    for row in rows:
        for tree in ("new", "old"):
            if tree in row:
                seconds, cpu = row[tree]["seconds"], row[tree].get("cpu")
                beside = f", {cpu:.2f} s of processor" if cpu is not None else ""
                ratio = seconds / base[tree]["seconds"]
                print(f"{row['what']}, {tree}: {seconds:.2f} s{beside}, {ratio:.0f} x {PASS}")


if __name__ == "__main__":
    main()
