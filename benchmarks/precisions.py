"""Seconds per scan in fp32 and in the precision that each network of the zoo runs in here.

    python -m benchmarks.precisions [--runs 7] [--json benchmarks/results/precisions.json]

The scan is the network's sample. Both precisions run in turn, in one process, after one run each
that is not measured.
"""

import argparse
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.record import save
from inference.engine import Engine
from inference.options import RunOptions
from inference.sample_scans import sample_scans
from models.registry import Model, Registry


def main() -> None:
    """Measures all networks and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--json", type=Path, help="file for the results")
    options = parser.parse_args()
    engine = Engine(Registry())
    rows = [measured(engine, model, options.runs) for model in Registry().all()]
    table = Table("network", "scan", "fp32, s", "precision", "s", "faster", box=None)
    for row in rows:
        seconds = (row["fp32"], row["seconds"])
        table.add_row(
            row["model"],
            " x ".join(map(str, row["grid"])),
            f"{seconds[0]:.3f}",
            row["precision"],
            f"{seconds[1]:.3f}",
            f"{seconds[0] / seconds[1]:.1f}",
        )
    Console().print(table)
    if options.json:
        save(options.json, rows, runs=options.runs)


def measured(engine: Engine, model: Model, runs: int) -> dict[str, Any]:
    """The medians of both precisions, and the accuracy in the card."""
    scans, seconds = sample_scans(model), {"fp32": [], "auto": []}
    for run in range(runs + 1):
        for precision, times in seconds.items():
            started = perf_counter()
            result = engine.run(scans, model, RunOptions(precision=precision))
            if run:
                times.append(perf_counter() - started)
    return {
        "model": model.card.name,
        "grid": result.mask.shape,
        "fp32": round(median(seconds["fp32"]), 4),
        "precision": result.record.precision,
        "seconds": round(median(seconds["auto"]), 4),
    }


if __name__ == "__main__":
    main()
