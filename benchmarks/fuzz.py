"""Damages files of every scan format and reads them, looking for anything but a proper error.

    python -m benchmarks.fuzz [--seconds 60] [--only tiff ...] [--out FOLDER] [--seed 0] [--http]

For each format, a process of its own reads damaged copies of small files for some seconds: their
parts, every voxel, and a de-identified copy. A finding is a crash of the process, an error that is
not one of Tessera's, more than 10 s for a file, or more than 2 GB of memory. Each kind of finding
is stored once, with as few changed bytes as show it. Prints a line for each format. With `--http`,
the files are uploaded to a gateway instead: see benchmarks/fuzz_http.py.
"""

import argparse
import json
import logging
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.fuzz_seeds import seeds
from benchmarks.mutate import mutated
from imaging.box import Box
from imaging.errors import TesseraError
from imaging.formats.incoming import ScanSelection, incoming_scans
from imaging.formats.limits import Limits
from imaging.formats.sniff import verify

SECONDS_PER_FILE = 10
MEMORY_BYTES = 2 << 30
_LIMITS = Limits(max_voxels=1 << 26, max_pixels=1 << 24, max_bytes=1 << 27)
_MOST_TRIES = 400
"""Reads that reduce a finding."""


class _Slow(BaseException):
    """A file takes too long; not an Exception, so that no code under test handles it."""


def main() -> None:
    """Starts a process for each format, again after a crash, and prints its numbers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60, help="for each format")
    parser.add_argument("--only", nargs="+", help="names of formats")
    parser.add_argument("--out", type=Path, default=Path("fuzz-findings"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--http", action="store_true", help="upload the files to a gateway")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.worker:
        work(options.worker, options.seconds, options.out, options.seed)
        return
    for name in options.only or sorted(seeds()):
        _run(options.http)(name, options.seconds, options.out, options.seed)


def _run(http: bool) -> Callable[[str, float, Path, int], None]:
    if not http:
        return supervise
    from benchmarks import fuzz_http  # it loads the service

    return fuzz_http.supervise


def supervise(name: str, seconds: float, out: Path, seed: int) -> None:
    """Runs the worker of a format until its time is over; keeps the file that ended a process."""
    end, total, findings = time.monotonic() + seconds, Counter[str](), 0
    case = out / f"{name}.case"
    while (left := end - time.monotonic()) > 1:
        command = [sys.executable, "-m", "benchmarks.fuzz", "--worker", name]
        command += ["--seconds", str(left), "--out", str(out), "--seed", str(seed)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            output, _ = process.communicate(timeout=left + 60)
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
        if process.returncode == 0:
            result = json.loads(output.splitlines()[-1])
            total.update(result["outcomes"])
            findings += result["findings"]
            break
        findings += 1
        print(f"{name}: the process ended with {process.returncode}", flush=True)
        case.replace(out / f"{name}-ended-{seed}")
        seed += 1000
    case.unlink(missing_ok=True)
    read = sum(total.values())
    print(f"{name}: {read} files, {findings} findings, {dict(total)}", flush=True)


def work(name: str, seconds: float, out: Path, seed: int) -> None:
    """Reads damaged files of a format, and prints its numbers as JSON."""
    resource.setrlimit(resource.RLIMIT_AS, (2 * MEMORY_BYTES, 2 * MEMORY_BYTES))
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    random, originals = Random(seed), seeds()[name]
    end, outcomes, kinds = time.monotonic() + seconds, Counter[str](), set[str]()
    case = out / f"{name}.case"
    while time.monotonic() < end:
        original = random.choice(originals)
        data = mutated(original, name, random)
        case.write_bytes(data)
        outcome = read(data)
        outcomes[outcome.split(":")[0]] += 1
        if outcome.startswith("finding") and outcome not in kinds:
            kinds.add(outcome)
            small = reduced(original, data, lambda one, same=outcome: read(one) == same)
            (out / f"{name}-{seed}-{len(kinds)}").write_bytes(small)
            print(f"{name} {len(kinds)}: {outcome}", file=sys.stderr, flush=True)
    print(json.dumps({"outcomes": outcomes, "findings": len(kinds)}))


def _interrupt(*_: Any) -> None:
    raise _Slow


def read(data: bytes) -> str:
    """`read`, the name of Tessera's error, or `finding: ...`."""
    former = signal.signal(signal.SIGALRM, _interrupt)
    signal.alarm(SECONDS_PER_FILE)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        with tempfile.TemporaryDirectory() as folder:
            _read_everything(data, Path(folder))
        outcome = "read"
    except TesseraError as error:
        outcome = type(error).__name__
    except _Slow:
        outcome = f"finding: slow {_place()}"
    except BaseException as error:  # noqa: BLE001
        outcome = f"finding: {type(error).__name__} {_place()}"
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, former)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if peak << 10 > MEMORY_BYTES > before << 10:
        outcome = f"finding: {peak >> 10} MB after {outcome}"
    return outcome


def _place() -> str:
    """The innermost line of our own code in the current traceback."""
    frames = traceback.extract_tb(sys.exc_info()[2])
    ours = [one for one in frames if f"{os.sep}imaging{os.sep}" in one.filename] or frames
    return f"{Path(ours[-1].filename).name}:{ours[-1].lineno}"


def _read_everything(data: bytes, folder: Path) -> None:
    path = folder / "scan"
    path.write_bytes(data)
    for deidentify in (False, True):
        target = folder / str(deidentify)
        target.mkdir()
        selection = ScanSelection(each=True, deidentify=deidentify)
        try:
            scans, _ = incoming_scans([path], target, _LIMITS, selection, b"secret")
        except TesseraError:
            if deidentify:  # many formats cannot be de-identified
                return
            raise
        for one in scans[:3]:
            scan = one.scan or verify(one.path, _LIMITS)
            scan.read(Box.whole(scan.grid))


def reduced(original: bytes, data: bytes, shows: Callable[[bytes], bool]) -> bytes:
    """`data` with fewer changes to `original`, and shorter, where it still shows the same."""
    best, tries = data, 0
    if len(original) == len(data):
        for at in [n for n, (a, b) in enumerate(zip(original, data, strict=True)) if a != b]:
            trial = best[:at] + original[at : at + 1] + best[at + 1 :]
            tries += 1
            if tries > _MOST_TRIES:
                break
            best = trial if shows(trial) else best
    step = len(best) // 2
    while step > 8 and tries < _MOST_TRIES:
        tries += 1
        if shows(best[:-step]):
            best = best[:-step]
        else:
            step //= 2
    return best


if __name__ == "__main__":
    main()
