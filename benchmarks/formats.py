"""Seconds to verify, read and write each format, side by side with an older revision.

    python -m benchmarks.formats [--old REVISION] [--runs 5] [--only NAME ...] [--json FILE]
    python -m benchmarks.formats --slide [GIGABYTES]

Without --slide: a volume of 256 x 256 x 128 voxels and an image of 3,072 x 3,072 pixels in every
format. Each measurement has a process of its own; the processes of the two revisions alternate, and
the lowest processor time of all runs counts, which other work on the machine hardly changes. A
format that the older revision does not have is measured alone.

With --slide: writes an Aperio SVS of this size with JPEG tiles, reads regions of it and verifies
it, and prints the seconds and the peak of memory that is not backed by a file.

Run it in the repository's root, because the DICOM files are made as in the tests.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.format_files import MASKS, SCANS, write_slide
from benchmarks.record import load, save

ROOT = Path(__file__).resolve().parents[1]
MEASURE = Path(__file__).with_name("format_times.py")


def main() -> None:
    """Prints a line for each format."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--old", help="revision to compare with; none: this revision alone")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument(
        "--only", nargs="+", help="names, as they are printed; --json then keeps the other rows"
    )
    parser.add_argument("--json", type=Path, help="file for the results")
    parser.add_argument("--slide", type=float, nargs="?", const=2.0, metavar="GIGABYTES")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.slide:
            slide(Path(folder), options.slide)
            return
        trees = {"new": ROOT}
        if options.old:
            trees["old"] = Path(folder) / "old"
            git("worktree", "add", "--quiet", "--detach", str(trees["old"]), options.old)
        try:
            rows = compared(Path(folder), trees, options)
        finally:
            if options.old:
                git("worktree", "remove", "--force", str(trees["old"]))
    if options.json:
        if options.only and options.json.exists():
            before = load(options.json)
            kept, options.runs = before["rows"], min(before["runs"], options.runs)
            new = {(row["format"], row["action"]): row for row in rows}
            rows = [new.get((row["format"], row["action"]), row) for row in kept]
        facts = {"old": options.old or "", "runs": options.runs, "statistic": "lowest"}
        save(options.json, rows, versions={}, **facts)


def git(*arguments: str) -> None:
    """Runs git in the repository."""
    subprocess.run(["git", *arguments], cwd=ROOT, check=True)


def compared(
    folder: Path, trees: dict[str, Path], options: argparse.Namespace
) -> list[dict[str, Any]]:
    """A row for each action on each format, printed when it is measured."""
    rows = []
    for kind, names in (("scan", SCANS), ("mask", MASKS)):
        for name in names:
            if options.only and name not in options.only:
                continue
            source = folder / f"{kind}-{name}"
            source.mkdir()
            scan = SCANS[name if kind == "scan" else MASKS[name].scan](source)
            times: dict[str, dict[str, list[float]]] = {}
            for _ in range(options.runs):
                for tree, path in trees.items():
                    for action, seconds in measured(path, kind, scan, name).items():
                        times.setdefault(action, {}).setdefault(tree, []).append(seconds)
            for action, by_tree in times.items():
                row = {"format": name, "action": action}
                row |= {tree: round(min(seconds), 5) for tree, seconds in by_tree.items()}
                rows.append(row)
                print(line(row), flush=True)
    return rows


def line(row: dict[str, Any]) -> str:
    """One row as text."""
    new, old = row["new"], row.get("old")
    beside = f"{old:8.4f} s   {new / old:5.2f} times" if old else "not read"
    return f"{row['format']:22} {row['action']:7} {new:8.4f} s   before: {beside}"


def measured(tree: Path, kind: str, scan: Path, name: str) -> dict[str, float]:
    """Processor seconds of each action in a revision; empty where it does not have the format."""
    ending = MASKS[name].ending if kind == "mask" else ""
    done = subprocess.run(
        [sys.executable, "-P", str(MEASURE), kind, str(scan), ending],
        check=True, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(tree)},
    )  # fmt: skip
    return dict(json.loads(done.stdout))


def slide(folder: Path, gigabytes: float) -> None:
    """Measures one large slide in a process of its own."""
    path = write_slide(folder / "slide.svs", int(gigabytes * 1e9))
    print(f"{path.stat().st_size / 1e9:.2f} GB", flush=True)
    subprocess.run(
        [sys.executable, "-P", str(MEASURE), "slide", str(path), ""],
        check=True, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip


if __name__ == "__main__":
    main()
