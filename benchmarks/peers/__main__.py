"""Compares Tessera with MONAI and nnU-Net: one volume, one network, the same weights and threads.

    python -P benchmarks/peers OUT [--dimension 3] [--nnunet PYTHON] [--window 64] [--json FILE]

All run a network of the zoo on its sample, mirrored to a larger size. Each contender runs in a
process of its own, one after another. PYTHON is the interpreter of an environment with nnunetv2 (it
needs another torch). Prints a line for each; network, image and masks stay in OUT. With `--json
benchmarks/results/peers-3d.json` the results are saved for benchmarks/report.py.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.append(str(HERE.parent))  # last: its jobs.py must not hide the package `jobs`

from contender import CONTENDERS  # noqa: E402
from network import CASES, prepare  # noqa: E402
from record import save, versions  # noqa: E402

from imaging.metrics import dice  # noqa: E402

REFERENCE = "Tessera, ONNX Runtime's provider"
ALWAYS = (REFERENCE, "Tessera")
"""Always run; the first, in fp32 and one pass like torch, is the reference for masks."""


def main() -> None:
    """Runs the contenders that can run on this machine."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--dimension", type=int, choices=(2, 3), default=3)
    parser.add_argument("--nnunet", type=Path, help="Python of an environment with nnunetv2")
    parser.add_argument("--window", type=int, help="MONAI's and nnU-Net's; default 64, in 2D 512")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", nargs="+", default=[""], help="parts of contenders' names")
    parser.add_argument("--json", type=Path, help="file for the results")
    options = parser.parse_args()
    options.window = options.window or {2: 512, 3: 64}[options.dimension]
    prepare(options.out, *CASES[options.dimension])
    results = {}
    for name in CONTENDERS:
        python = options.nnunet if name.startswith("nnU-Net") else sys.executable
        if python is not None and (name in ALWAYS or any(part in name for part in options.only)):
            print(name, "...", file=sys.stderr, flush=True)
            results[name] = run(python, name, options)
    used = versions()
    for row in results.values():
        used |= row.pop("versions")
    table = rows(results, options.out)
    for row in table:
        print(json.dumps(row))
    if options.json:
        save(options.json, table, versions=used, runs=options.runs)


def run(python: Path | str, name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Runs a contender; returns the JSON object that it prints."""
    limits = {"OMP_NUM_THREADS": str(options.threads), "PYTHONPATH": str(HERE.parents[1])}
    done = subprocess.run(
        [python, HERE / "contender.py", name, options.out.resolve(),
         *map(str, (options.window, options.threads, options.runs))],
        env=os.environ | limits, cwd="/", check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return dict(json.loads(done.stdout.splitlines()[-1]))


def rows(results: dict[str, dict[str, Any]], out: Path) -> list[dict[str, Any]]:
    """Medians, and the differences of each mask from that of one pass in fp32."""
    masks = {name: np.load(out / f"mask-{list(CONTENDERS).index(name)}.npy") for name in results}
    exact, table = masks[REFERENCE], []
    for name, row in results.items():
        seconds = median(row["seconds"])
        facts = {key: row[key] for key in ("device", "precision", "tiles") if key in row}
        if "network" in row:
            facts["beside_network"] = round(1 - median(row["network"]) / seconds, 3)
        table.append(
            {
                "contender": name,
                **facts,
                "seconds": round(seconds, 3),
                "peak_mb": round(row["peak_mb"]),
                "differ": int((exact != masks[name]).sum()),
                "dice": round(dice(exact > 0, masks[name] > 0), 5),
            }
        )
    return table


if __name__ == "__main__":
    main()
