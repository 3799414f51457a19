"""Times one format in this process, with the revision of Tessera that PYTHONPATH names.

    PYTHONPATH=TREE python -P benchmarks/format_times.py scan|mask|slide FILE [ENDING]

benchmarks/formats.py starts it. It uses only what revisions since b48e590ac1eb have, under the
names of each; an action that a revision cannot do is left out.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from imaging.box import Box
from imaging.errors import TesseraError
from imaging.formats import mask_file
from imaging.formats.limits import Limits
from imaging.formats.sniff import open_scan, verify

_REPEATS = 3
_LIMITS = Limits(1 << 40, 1 << 40, 1 << 40)


def main() -> None:
    """Prints processor seconds by action as JSON."""
    kind, file, ending = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    with tempfile.TemporaryDirectory() as folder:
        if kind == "slide":
            slide(file)
            return
        try:
            times = scan_times(file, Path(folder)) if kind == "scan" else {}
            if kind == "mask":
                times = mask_times(file, Path(folder), ending)
        except TesseraError:  # the revision does not have the format
            times = {}
    print(json.dumps(times))


def scan_times(file: Path, folder: Path) -> dict[str, float]:
    """Verifying as an upload does, and reading all voxels."""
    stored = taken(file, folder)
    verified = (lambda: taken(file, folder)) if stored != file else (lambda: verify(file, _LIMITS))

    def read() -> None:
        scan = open_scan(stored, _LIMITS)
        scan.read(Box.whole(scan.grid))

    return {"verify": seconds(verified), "read": seconds(read)}


def taken(file: Path, folder: Path) -> Path:
    """The stored file: the pack of a folder of DICOM files, else the file itself."""
    if not file.is_dir() or file.suffix:
        return file
    work = Path(tempfile.mkdtemp(dir=folder))
    try:
        from imaging.formats.incoming import incoming_scans as received
    except ImportError:
        from imaging.formats.received import received
    (one,), _ = received([file], work, _LIMITS)
    return Path(one.path)


def mask_times(file: Path, folder: Path, ending: str) -> dict[str, float]:
    """Writing a mask of three labels."""
    scan = open_scan(taken(file, folder), _LIMITS)
    mask = np.zeros(scan.grid, np.uint8)
    for label, share in enumerate((0.2, 0.4, 0.6), 1):
        mask[tuple(slice(int(n * share), int(n * (share + 0.3))) for n in scan.grid)] = label
    options: list[Any] = [description()] if ending.endswith(".dcm") else []
    out = folder / f"mask{ending}"
    if not any(out.name.endswith(known) for known in known_endings()):
        return {}
    return {"write": seconds(lambda: mask_file.write(out, mask, scan, *options))}


def known_endings() -> list[str]:
    """All endings of masks."""
    if hasattr(mask_file, "mask_endings"):
        return list(mask_file.mask_endings())
    return list(mask_file.ENDINGS)


def description() -> Any:
    """The labels' meaning, for DICOM objects."""
    try:
        from imaging import mask_description as module

        whole: Any = module.MaskDescription
    except ImportError:
        from imaging import meaning as module

        whole = module.Meaning
    code = module.Code("123037004", "SCT", "Anatomical Structure")
    named = [module.Segment(n, f"{n}", "#e6550d", code, code) for n in (1, 2, 3)]
    return whole(tuple(named), "benchmark", "1")


def seconds(action: Callable[[], object]) -> float:
    """The lowest processor time of some runs after one that loads code and fills caches."""
    action()
    lowest = float("inf")
    for _ in range(_REPEATS):
        began = time.process_time()
        action()
        lowest = min(lowest, time.process_time() - began)
    return lowest


def slide(file: Path) -> None:
    """Prints what reading and verifying a large slide takes."""
    sys.path.append(str(Path(__file__).resolve().parent))
    from anonymous import PeakMemory

    peak, began = PeakMemory(), time.perf_counter()
    scan = open_scan(file, _LIMITS)
    rows, columns = scan.grid
    generator = np.random.default_rng(0)
    for _ in range(16):
        row, column = (int(generator.integers(0, n - 2048)) for n in (rows, columns))
        scan.read(Box((row, column), (row + 2048, column + 2048)))
    regions = time.perf_counter() - began
    print(
        f"{rows:,} x {columns:,} pixels; 16 regions of 2,048 x 2,048: {regions:.1f} s, "
        f"{peak.stop() / 1e6:.0f} MB",
        flush=True,
    )
    peak, began = PeakMemory(), time.perf_counter()
    verify(file, _LIMITS)
    print(f"verified: {time.perf_counter() - began:.0f} s, {peak.stop() / 1e6:.0f} MB", flush=True)


if __name__ == "__main__":
    main()
