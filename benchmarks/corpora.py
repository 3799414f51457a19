"""Reads every file of a folder with Tessera and with the library it belongs to, and compares them.

    python -m benchmarks.corpora FOLDER ... [--json FILE] [--show different]

For each file: `equal` (the same values, and the same place of every voxel), `different`, `refused`
(with the reason), `only Tessera` (no other library reads it as an image), or `failed` (an error
that is not one of Tessera's). Prints a table of folders, the refusals with their reasons, and what
is different. The libraries are nibabel, SimpleITK, pydicom, tifffile and Pillow.
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
    parser.add_argument("--json", type=Path, help="file for all results")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    warnings.simplefilter("ignore")
    results = {str(one): [compare(path) for path in _files(one)] for one in options.folder}
    _print(results)
    if options.json:
        found = {folder: [asdict(one) for one in rows] for folder, rows in results.items()}
        options.json.write_text(json.dumps(found, indent=1))


def _files(folder: Path) -> Iterator[Path]:
    files = [folder] if folder.is_file() else sorted(folder.rglob("*"))
    return (path for path in files if path.is_file())


def compare(path: Path) -> Result:
    """Reads a file with both and compares them."""
    expected = readings(path) or None
    try:
        with tempfile.TemporaryDirectory() as folder:
            scans = _ours(path, Path(folder))
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


def _ours(path: Path, folder: Path) -> list[tuple[Scan, NDArray[Any]]]:
    """Every scan in the file with all of its voxels."""
    scans, refused = incoming_scans([path], folder, Limits(), ScanSelection(each=True))
    if refused:
        raise refused[0].error
    opened = [verify(one.path) if one.scan is None else one.scan for one in scans]
    return [(one, one.read(Box.whole(one.grid))) for one in opened]


def _difference(ours: Sequence[tuple[Scan, NDArray[Any]]], expected: Sequence[Reading]) -> str:
    """What differs, or an empty string."""
    if len(ours) == 1 and len(expected) > 1:
        return _stack(*ours[0], expected)
    if len(ours) != len(expected):
        return f"{len(ours)} scans, {len(expected)} expected"
    notes = (_one(*pair, reading) for pair, reading in zip(ours, expected, strict=True))
    return next(filter(None, notes), "")


def _one(scan: Scan, values: NDArray[Any], expected: Reading) -> str:
    if scan.dimension == 3 and expected.values.ndim == 3:
        return _stack(scan, values, [expected])
    if expected.affine is not None and scan.dimension == 3:
        step = np.linalg.inv(scan.affine) @ expected.affine
        if not np.allclose(step, np.eye(4), atol=1e-3):
            return (
                f"affine {scan.affine.round(4).tolist()}, not {expected.affine.round(4).tolist()}"
            )
    return _values(values, expected)


def _stack(scan: Scan, values: NDArray[Any], expected: Sequence[Reading]) -> str:
    """Compares a volume with frames, each where it lies in the patient."""
    if scan.dimension != 3:
        return f"an image, {len(expected)} frames expected"
    for number, frame in enumerate(expected):
        plane = values[..., number].swapaxes(1, 2)
        if frame.affine is not None:
            step = np.linalg.inv(scan.affine) @ frame.affine
            index = round(float(step[2, 3]))
            place = np.array([0.0, 0.0, index])
            if not (
                np.allclose(step[:3, :2], np.eye(3)[:, :2], atol=2e-3)
                and np.allclose(step[:3, 3], place, atol=2e-2)
            ):
                return f"frame {number} at {step.round(3).tolist()}"
            plane = values[..., index].swapaxes(1, 2)
        note = _values(plane, frame)
        if note:
            return f"frame {number}: {note}"
    return ""


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
