"""`tessera batch` beside a plain loop over the engine of `tessera segment`.

    python -P benchmarks/batch.py [--scans 1000] [--runs 3] [--json FILE]

Writes volumes of the size of a hippocampus crop (40 x 56 x 44 voxels: the sample of
hippocampus-mri-3d with other noise in each) and segments all of them, in turns, by `tessera batch`
and by a program that calls the engine for one after the other and writes each mask as the command
does. Each run is a process of its own, with a filled cache, and is timed from its start to its end.
The masks are compared. With `--json benchmarks/results/batch.json` the results are saved for
benchmarks/report.py.
"""

import argparse
import filecmp
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import nibabel as nib
import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE))

from record import save  # noqa: E402

from imaging.box import Box  # noqa: E402
from inference.sample_scans import sample_scans  # noqa: E402
from models.registry import Registry  # noqa: E402

MODEL = "hippocampus-mri-3d"
LOOP, BATCH = "plain loop over the engine", "`tessera batch`"
NOISE = 0.02
"""Standard deviation of the added noise, as a share of the sample's."""
LOOP_PROGRAM = """
import sys, tempfile
from pathlib import Path
from cli.segmenters import LocalSegmenter
from imaging.formats.mask_file import deliver
from inference.options import RunOptions
from inference.run_context import RunContext

scans, out, model = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
segmenter = LocalSegmenter(model, RunOptions())
for scan in sorted(scans.iterdir()):
    with tempfile.TemporaryDirectory() as folder:
        made = segmenter.segment({"": scan}, Path(folder), RunContext())
        deliver(made.mask, scan, out / "masks" / scan.name)
"""
BATCH_PROGRAM = """
import sys
from cli.main import main
main(["batch", sys.argv[1], "-o", sys.argv[2], "--model", sys.argv[3]])
"""
PROGRAMS = {LOOP: LOOP_PROGRAM, BATCH: BATCH_PROGRAM}


def main() -> None:
    """Prints and saves the medians of both, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scans", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", type=Path, help="file for the results")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        samples = measure(Path(folder), options.scans, options.runs)
    ratios = [
        batch / loop
        for loop, batch in zip(samples[LOOP]["seconds"], samples[BATCH]["seconds"], strict=True)
    ]
    rows = [
        {
            "contender": name,
            "seconds": round(median(sample["seconds"]), 2),
            "processor_s": round(median(sample["processor"]), 2),
            "per_s": round(options.scans / median(sample["seconds"]), 2),
        }
        for name, sample in samples.items()
    ]
    for row in rows:
        print(f"{row['contender']}: {row['seconds']} s, {row['per_s']} scans per second")
    ratio = round(median(ratios), 3)
    shown = ", ".join(f"{one:.3f}" for one in ratios)
    print(f"tessera batch takes {ratio} times as long as the loop (runs: {shown})")
    if options.json:
        save(options.json, rows, scans=options.scans, runs=options.runs, ratio=ratio)


def measure(folder: Path, count: int, runs: int) -> dict[str, dict[str, list[float]]]:
    """Contender -> `seconds` and `processor` of each run; the first contender alternates."""
    scans = folder / "scans"
    write_scans(scans, count)
    few = folder / "few"
    few.mkdir()
    shutil.copy(min(scans.iterdir()), few)
    samples = {name: {"seconds": [], "processor": []} for name in PROGRAMS}
    for name in PROGRAMS:  # fills the cache, and compiles the modules
        once(name, few, folder / "warm", folder)
    for number in range(runs):
        order = list(PROGRAMS) if number % 2 == 0 else list(PROGRAMS)[::-1]
        outs = {name: folder / f"out-{number}-{place}" for place, name in enumerate(PROGRAMS)}
        for name in order:
            seconds, processor = once(name, scans, outs[name], folder)
            samples[name]["seconds"].append(seconds)
            samples[name]["processor"].append(processor)
        check_equal(*(out / "masks" for out in outs.values()))
        for out in outs.values():
            shutil.rmtree(out)
    return samples


def write_scans(folder: Path, count: int) -> None:
    """Writes the scans as NIfTI."""
    folder.mkdir()
    (scan,) = sample_scans(Registry().network(MODEL)).values()
    voxels = scan.read(Box.whole(scan.grid))[0].astype(np.float32)
    noise = NOISE * float(voxels.std())
    for number in range(count):
        other = voxels + np.random.default_rng(number).normal(0, noise, voxels.shape)
        image = nib.Nifti1Image(other.astype(np.int16), scan.affine)
        nib.save(image, folder / f"{number:05}.nii.gz")


def once(name: str, scans: Path, out: Path, folder: Path) -> tuple[float, float]:
    """Runs a contender; its seconds and processor seconds."""
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-P", "-c", PROGRAMS[name], str(scans), str(out), MODEL]
    paths = os.pathsep.join(str(path) for path in (HERE.parent, HERE.parent / "client"))
    env = os.environ | {"TESSERA_CACHE": str(folder / "cache"), "PYTHONPATH": paths}
    before, began = _processor_s(), time.perf_counter()
    subprocess.run(command, env=env, check=True, capture_output=True)
    return time.perf_counter() - began, _processor_s() - before


def check_equal(one: Path, other: Path) -> None:
    """Ends the benchmark if the masks of both contenders differ."""
    names = sorted(path.name for path in one.iterdir())
    equal, *others = filecmp.cmpfiles(one, other, names, shallow=False)
    if any(others) or len(equal) < len(names):
        raise SystemExit("The masks of the loop and of tessera batch differ.")


def _processor_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
