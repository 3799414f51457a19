"""Reads every file of a folder with Tessera and with the library it belongs to, and compares them.

    python -m benchmarks.corpora FOLDER ... [--series] [--json FILE]

For each file, or with `--series` for each folder of DICOM slices: `equal` (the same values, and the
same place of every voxel), `different`, `refused` (with the reason), `only Tessera` (no other
library reads it as an image), or `failed` (an error that is not one of Tessera's). Prints a table
of folders, the refusals with their reasons, and what is different. The libraries are nibabel,
SimpleITK, pydicom, tifffile and Pillow.
"""

import argparse
import json
import resource
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.oracles import Reading, readings
from imaging.box import Box
from imaging.errors import TesseraError
from imaging.formats.incoming import ScanSelection, incoming_scans
from imaging.formats.limits import Limits
from imaging.formats.sniff import verify
from imaging.scan import Scan

MOST_MEMORY = 6 << 30
"""Bytes that this process may take: test files include ones that state huge sizes."""
OUTCOMES = ("equal", "different", "refused", "only Tessera", "neither", "failed")


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one file."""

    path: str
    outcome: str
    note: str = ""
    reason: str = ""
    """The whole text of a refusal."""


def main() -> None:
    """Compares the files of each folder and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="+")
    parser.add_argument("--series", action="store_true", help="compare folders of DICOM slices")
    parser.add_argument("--json", type=Path, help="file for all results")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    warnings.simplefilter("ignore")
    inputs = _series if options.series else _files
    results = {str(one): [compare(path) for path in inputs(one)] for one in options.folder}
    _print(results)
    if options.json:
        found = {folder: [asdict(one) for one in rows] for folder, rows in results.items()}
        options.json.write_text(json.dumps(found, indent=1))


def _files(folder: Path) -> Iterator[Path]:
    files = [folder] if folder.is_file() else sorted(folder.rglob("*"))
    return (path for path in files if path.is_file())


def _series(folder: Path) -> Iterator[Path]:
    """Folders of more than one file, all of them DICOM."""
    for one in sorted({path.parent for path in folder.rglob("*") if path.is_file()}):
        files = [path for path in one.iterdir() if path.is_file()]
        if len(files) > 1 and all(path.read_bytes()[128:132] == b"DICM" for path in files):
            yield one


def compare(path: Path) -> Result:
    """Reads a file, or a folder of slices, with both and compares them."""
    paths = sorted(one for one in path.iterdir() if one.is_file()) if path.is_dir() else [path]
    expected = [reading for one in paths for reading in readings(one) or ()] or None
    try:
        with tempfile.TemporaryDirectory() as folder:
            scans = _ours(paths, Path(folder))
    except TesseraError as error:
        outcome = "refused" if expected else "neither"
        note = "" if expected is None else f"{len(expected)} x {expected[0].values.shape}"
        return Result(str(path), outcome, note, f"{error.detail} | {error.expected} | {error.hint}")
    except Exception:  # noqa: BLE001
        return Result(str(path), "failed", traceback.format_exc()[-600:])
    if expected is None:
        return Result(str(path), "only Tessera", f"{len(scans)} x {scans[0][0].shape}")
    difference = _difference(scans, expected)
    return Result(str(path), "different" if difference else "equal", difference)


Ours = tuple[Scan, NDArray[Any]]
"""A scan with all of its voxels."""


def _ours(paths: Sequence[Path], folder: Path) -> list[Ours]:
    """Every scan in files that are sent together."""
    scans, refused = incoming_scans(paths, folder, Limits(), ScanSelection(each=True))
    if refused:
        raise refused[0].error
    opened = [verify(one.path) if one.scan is None else one.scan for one in scans]
    return [(one, one.read(Box.whole(one.grid))) for one in opened]


def _difference(ours: Sequence[Ours], expected: Sequence[Reading]) -> str:
    """What differs, or an empty string."""
    slices = all(scan.dimension == 3 for scan, _ in ours) and expected[0].values.ndim == 3
    if not slices:
        if len(ours) != len(expected):
            return f"{len(ours)} scans, {len(expected)} expected"
        pairs = zip(ours, expected, strict=True)
        return next(filter(None, (_one(*one, reading) for one, reading in pairs)), "")
    planes = sum(scan.grid[2] for scan, _ in ours)
    if planes != len(expected):
        return f"{planes} planes, {len(expected)} expected"
    for number, frame in enumerate(expected):
        notes = [_plane(scan, values, frame, number) for scan, values in ours]
        if all(notes):
            return f"frame {number}: {min(notes, key=len)}"
    return ""


def _one(scan: Scan, values: NDArray[Any], expected: Reading) -> str:
    if expected.affine is not None and scan.dimension == 3:
        step = np.linalg.inv(scan.affine) @ expected.affine
        if not np.allclose(step, np.eye(4), atol=1e-3):
            return (
                f"affine {scan.affine.round(4).tolist()}, not {expected.affine.round(4).tolist()}"
            )
    return _values(values, expected)


def _plane(scan: Scan, values: NDArray[Any], frame: Reading, number: int) -> str:
    """Compares the plane of a volume where a frame lies in the patient; without a place, the plane
    of its number."""
    if frame.affine is not None:
        step = np.linalg.inv(scan.affine) @ frame.affine
        number = round(float(step[2, 3]))
        place = (0.0, 0.0, number)
        aligned = np.allclose(step[:3, :2], np.eye(3)[:, :2], atol=2e-3)
        if not aligned or not np.allclose(step[:3, 3], place, atol=2e-2):
            return f"it lies at {step.round(3).tolist()}"
    if not 0 <= number < scan.grid[2]:
        return f"it lies outside, at plane {number}"
    return _values(values[..., number].swapaxes(1, 2), frame)


def _values(ours: NDArray[Any], reading: Reading) -> str:
    expected = reading.values
    if ours.shape != expected.shape:
        return f"shape {ours.shape}, not {expected.shape}"
    ours, expected = ours.astype(np.float64), expected.astype(np.float64)
    same = np.isclose(ours, expected, rtol=1e-5, atol=1e-4, equal_nan=True)
    if reading.padding is not None:
        same |= reading.padding
    if same.all():
        return ""
    worst = float(np.nanmax(np.abs(ours - expected)))
    first = tuple(np.argwhere(~same)[0])
    return (
        f"{100 * (1 - same.mean()):.3g} % of the values differ, by {worst:.6g}; "
        f"{ours[first]:.6g} is {expected[first]:.6g}"
    )


def _print(results: dict[str, list[Result]]) -> None:
    print("| folder | files | " + " | ".join(OUTCOMES) + " |")
    print("|---|" + "---|" * (len(OUTCOMES) + 1))
    for folder, rows in results.items():
        count = Counter(row.outcome for row in rows)
        cells = [str(count[outcome]) for outcome in OUTCOMES]
        print(f"| {Path(folder).name} | {len(rows)} | " + " | ".join(cells) + " |")
    rows = [row for some in results.values() for row in some]
    for outcome in ("failed", "different"):
        print(f"\n{outcome}")
        for row in rows:
            if row.outcome == outcome:
                print(f"  {row.path}: {row.note}")
    for outcome in ("refused", "neither"):
        print(f"\n{outcome}")
        reasons = Counter(row.reason for row in rows if row.outcome == outcome)
        for reason, count in reasons.most_common():
            names = [
                Path(row.path).name
                for row in rows
                if (row.outcome, row.reason) == (outcome, reason)
            ]
            print(f"  {count} x {reason}\n      {', '.join(names[:12])}")


if __name__ == "__main__":
    main()
