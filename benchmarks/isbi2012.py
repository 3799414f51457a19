"""Scores em-membrane-2d at each threshold of its probabilities, as the ISBI 2012 challenge did.

    python -P benchmarks/isbi2012.py DATA [--model NAME]

DATA contains images/ and labels/: slices 00 to 23 of 512 x 512 pixels; membranes are 0 in the
labels. The U-Net paper's figures are the best of ten thresholds on hidden slices. This table shows
training and validation slices separately: choose a threshold only by the training slices. If the
boundary between the classes was moved when a model was exported, its own threshold is at 0.50.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from imaging.box import Box
from imaging.formats.sniff import open_scan
from imaging.intensity import normalisation
from imaging.metrics.membrane import cell_agreement, pixel_error
from inference.device import choose
from inference.networks.session import Session
from models.registry import Model, Registry

HELD_OUT = ("19", "20", "21", "22", "23")
THRESHOLDS = np.round(np.arange(0.1, 0.95, 0.05), 2)


def main() -> None:
    """Scores every slice at every threshold and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder with images/ and labels/")
    parser.add_argument("--model", default="em-membrane-2d")
    options = parser.parse_args()
    model = Registry().get(options.model)
    session = Session(model.verified, choose("cpu", "fp32"))
    slices = sorted((options.data / "images").iterdir())
    errors = {
        path.stem: scored(membranes(path, model, session), options.data / "labels" / path.name)
        for path in track(slices, "slices", console=Console(stderr=True), transient=True)
    }
    held_out = np.mean([errors[name] for name in HELD_OUT], axis=0)
    training = np.mean([e for name, e in errors.items() if name not in HELD_OUT], axis=0)
    table = Table("threshold", box=None)
    for kind in ("training", "validation"):
        table.add_column(f"pixel error,\n{kind}", justify="right")
        table.add_column(f"Rand error,\n{kind}", justify="right")
    for threshold, *figures in zip(THRESHOLDS, training, held_out, strict=True):
        table.add_row(f"{threshold:.2f}", *(f"{f:.4f}" for row in figures for f in row))
    Console().print(table)


def membranes(path: Path, model: Model, session: Session) -> NDArray[np.float32]:
    """The probability of a membrane, (row, column), in one pass."""
    scan = open_scan(path)
    image = scan.read(Box.whole(scan.grid))
    values = normalisation(scan, model.card.value_rule).apply(image)[None]
    logits = session.logits(session.run(values))[0]
    return np.asarray(1 / (1 + np.exp(logits[0] - logits[1])), np.float32)


def scored(probability: NDArray[np.float32], label: Path) -> NDArray[np.float64]:
    """Pixel error and Rand error, foreground-restricted after thinning, (threshold, 2)."""
    scan = open_scan(label)
    reference = scan.read(Box.whole(scan.grid))[0] == 0
    rows = []
    for threshold in THRESHOLDS:
        agreement = cell_agreement(probability > threshold, reference)
        rand = 1 - agreement.v_rand if agreement else np.nan
        rows.append((pixel_error(probability > threshold, reference), rand))
    return np.array(rows)


if __name__ == "__main__":
    main()
