"""The assistant of corrections beside a brush: Dice after strokes from a planted error.

    python -m benchmarks.assistant DATA MESHNET [--json FILE]

DATA is a folder with hippocampus/ and dicom/, MESHNET one with the network model18cls of brainchop.
Errors are planted into correct masks (benchmarks/assistance/planted_errors.py), and a simulated
reader draws thin strokes (benchmarks/assistance/strokes.py). Each method gets strokes that depend
on its own mask. `brush` changes the voxels of the strokes; `wide brush` draws the same lines with
the widest brush that stays inside the error. The time is that of a stroke on a region of 128^3.
"""

import argparse
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.assistance.cases import Case, hippocampi, structures
from benchmarks.assistance.methods import METHODS, brush
from benchmarks.assistance.planted_errors import leak_added, part_removed
from benchmarks.assistance.strokes import next_stroke
from benchmarks.record import save
from imaging.assistance.question import Mask, Question

AFTER = (0, 1, 3, 5)
EDGE = 128
Row = dict[str, Any]


def dice(a: Mask, b: Mask) -> float:
    """Of two masks."""
    return float(2 * np.count_nonzero(a & b) / (a.sum() + b.sum()))


def corrected(
    case: Case, mask: Mask, method: Callable[[Question], Mask], *, wide: bool = False
) -> tuple[list[float], list[float]]:
    """Dice before and after each stroke, and the seconds of each."""
    foreground, background = np.zeros_like(mask), np.zeros_like(mask)
    scores, seconds = [dice(mask, case.truth)], []
    for _ in range(max(AFTER)):
        stroke = next_stroke(mask, case.truth, case.spacing)
        if stroke is not None:
            voxels = stroke.filled if wide else stroke.voxels
            own, other = foreground, background
            if not stroke.foreground:
                own, other = other, own
            own |= voxels
            other &= ~voxels
            low, high = float(case.values.min()), float(case.values.max())
            values = (case.values[None] - low) / (high - low)
            question = Question(values, tuple(case.spacing), mask, foreground, background)
            began = time.perf_counter()
            mask = method(question)
            seconds.append(time.perf_counter() - began)
        scores.append(dice(mask, case.truth))
    return scores, seconds


def compared(group: str, cases: Iterable[Case], names: Iterable[str], *, each: bool) -> list[Row]:
    """A row for each method and kind of error; with `each`, of each case, too."""
    known, names, rows = list(cases), list(names), []
    for error in ("part removed", "leak added"):
        masks = [
            part_removed(case.truth, case.spacing, seed)
            if error == "part removed"
            else leak_added(case.truth, case.values, case.spacing, seed)
            for seed, case in enumerate(known)
        ]
        for name in ("wide brush", *names):
            method = METHODS.get(name, brush)
            runs = [
                corrected(case, mask, method, wide=name == "wide brush")
                for case, mask in zip(known, masks, strict=True)
            ]
            scores = np.array([run[0] for run in runs])
            first = scores[:, 1]
            row = _row(group, error, name, scores.mean(0)) | {
                "cases": len(known),
                "worst_after_1": round(float(first.min()), 4),
                "worse_after_1": int((first < scores[:, 0]).sum()),
            }
            rows.append(row)
            print(row, flush=True)
            if each:
                for case, one in zip(known, scores, strict=True):
                    rows.append(_row(case.name, error, name, one))
    return rows


def _row(group: str, error: str, method: str, scores: Any) -> Row:
    after = {f"after_{n}": round(float(scores[n]), 4) for n in AFTER}
    return {"group": group, "error": error, "method": method, **after}


def timed(case: Case, names: Iterable[str], runs: int = 5) -> list[Row]:
    """Seconds of one stroke on a region of 128^3 of the case, of which half is the structure's
    surroundings; the median of some runs."""
    shape = (EDGE,) * 3
    room = [(0, max(0, EDGE - n)) for n in case.truth.shape]
    values = np.pad(case.values, room, mode="reflect")[tuple(slice(0, n) for n in shape)]
    truth = np.pad(case.truth, room)[tuple(slice(0, n) for n in shape)]
    large = Case(case.name, values, truth, case.spacing)
    mask = part_removed(truth, case.spacing, 1)
    rows = []
    for name in names:
        seconds = []
        for _ in range(runs):
            seconds += corrected(large, mask, METHODS[name])[1][:1]
        rows.append(
            {
                "group": "region of 128^3",
                "method": name,
                "seconds": round(float(np.median(seconds)), 3),
                "longest": round(max(seconds), 3),
            }
        )
        print(rows[-1], flush=True)
    return rows


def main() -> None:
    """Prints a row for each group, error and method."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("meshnet", type=Path)
    parser.add_argument("--json", type=Path, help="file for the results")
    options = parser.parse_args()
    rows = compared("20 hippocampi", hippocampi(options.data), METHODS, each=False)
    few = ("brush", "random-walk")
    found = list(structures(options.data, options.meshnet))
    rows += compared("10 structures", found, few, each=True)
    rows += timed(next(case for case in found if "cerebellar" in case.name), few)
    if options.json:
        save(options.json, rows)


if __name__ == "__main__":
    main()
