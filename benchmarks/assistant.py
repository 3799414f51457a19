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
from tempfile import TemporaryDirectory
from typing import Any

import nibabel
import numpy as np

from benchmarks.assistance.cases import Case, hippocampi, structures
from benchmarks.assistance.methods import METHODS, brush
from benchmarks.assistance.planted_errors import leak_added, part_removed
from benchmarks.assistance.strokes import next_stroke
from benchmarks.record import save
from imaging.assistance.answer import answer
from imaging.assistance.assistants import DEFAULT
from imaging.assistance.marks import Mark
from imaging.assistance.question import Mask, Question
from imaging.assistance.region_cache import RegionCache
from imaging.assistance.request import AssistanceRequest
from imaging.box import Box
from imaging.formats.limits import Limits
from imaging.voxel_runs import pack_runs

AFTER = (0, 1, 3, 5)
EDGE = 128
Row = dict[str, Any]


def dice(a: Mask, b: Mask) -> float:
    """Of two masks."""
    return float(2 * np.count_nonzero(a & b) / (a.sum() + b.sum()))


def corrected(
    case: Case, mask: Mask, method: Callable[[Question], Mask], *, wide: bool = False
) -> list[float]:
    """Dice before and after each stroke."""
    foreground, background = np.zeros_like(mask), np.zeros_like(mask)
    scores = [dice(mask, case.truth)]
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
            mask = method(question)
        scores.append(dice(mask, case.truth))
    return scores


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
            scores = np.array(runs)
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


def timed(case: Case, runs: int = 5) -> Row:
    """Seconds of one stroke on a region of 128^3 voxels of the case, from the request as it arrives
    to the answer as it is sent; the scan is a compressed NIfTI, which only the first one reads."""
    shape = (EDGE,) * 3
    room = [(0, max(0, EDGE - n)) for n in case.truth.shape]
    values = np.pad(case.values, room, mode="reflect")[tuple(slice(0, n) for n in shape)]
    truth = np.pad(case.truth, room)[tuple(slice(0, n) for n in shape)]
    mask = part_removed(truth, case.spacing, 1)
    stroke = next_stroke(mask, truth, case.spacing)
    assert stroke is not None
    places = [
        np.stack([at, np.ones_like(at), np.full_like(at, mark)], 1)
        for where, mark in ((mask, Mark.LABEL), (stroke.voxels, Mark.FOREGROUND))
        for at in (np.flatnonzero(where.ravel(order="F")),)
    ]
    marks = pack_runs(np.concatenate(places).astype(np.uint32))
    wall, processor = [], []
    with TemporaryDirectory() as folder:
        path = Path(folder) / "scan.nii.gz"
        nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), path)
        box, regions = Box.whole(shape), RegionCache()
        request = AssistanceRequest(
            DEFAULT, "scan", shape, box, marks, Limits(), Path(folder), path
        )
        for _ in range(runs + 1):
            began = time.perf_counter(), time.process_time()
            answer(request, regions)
            wall.append(time.perf_counter() - began[0])
            processor.append(time.process_time() - began[1])
    row = {
        "group": "region of 128^3",
        "method": DEFAULT,
        "seconds": round(float(np.median(wall[1:])), 2),
        "processor_s": round(float(np.median(processor[1:])), 2),
        "first_processor_s": round(processor[0], 2),
    }
    print(row, flush=True)
    return row


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
    rows.append(timed(next(case for case in found if "cerebellar" in case.name)))
    if options.json:
        save(options.json, rows)


if __name__ == "__main__":
    main()
