"""Tessera beside MONAI and nnU-Net: one volume, one network, the same weights and threads.

    python -P benchmarks/peers OUT [--dimension 3] [--nnunet PYTHON] [--window 64] [--json FILE]

Each contender runs in a process of its own, one after another; PYTHON is that of an environment
with nnunetv2 (it replaces torch). Prints a line for each; OUT keeps the trained network. With
`--json benchmarks/results/peers-3d.json` the figures are kept for benchmarks/report.py.
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
sys.path.append(str(HERE.parent))  # last: jobs.py there is no package of the house

from contender import CONTENDERS  # noqa: E402
from network import prepare  # noqa: E402
from record import save, versions  # noqa: E402

from imaging.metrics import dice  # noqa: E402

REFERENCE = "Tessera, ONNX Runtime's provider"
ALWAYS = (REFERENCE, "Tessera")
"""In fp32 and one pass, as torch would."""


def main() -> None:
    """Runs whatever can run here."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--dimension", type=int, choices=(2, 3), default=3)
    parser.add_argument("--nnunet", type=Path, help="Python of an environment with nnunetv2")
    parser.add_argument("--window", type=int, help="of MONAI and nnU-Net; 64, or 512 in 2D")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", nargs="+", default=[""], help="parts of contenders' names")
    parser.add_argument("--json", type=Path, help="where to keep the figures")
    options = parser.parse_args()
    options.window = options.window or {2: 512, 3: 64}[options.dimension]
    prepare(options.out, options.dimension)
    told = {}
    for name in CONTENDERS:
        python = options.nnunet if name.startswith("nnU-Net") else sys.executable
        if python is not None and (name in ALWAYS or any(part in name for part in options.only)):
            print(name, "...", file=sys.stderr, flush=True)
            told[name] = run(python, name, options)
    used = versions()
    for row in told.values():
        used |= row.pop("versions")
    found = rows(told, options.out)
    for row in found:
        print(json.dumps(row))
    if options.json:
        save(options.json, found, versions=used, runs=options.runs)


def run(python: Path | str, name: str, options: argparse.Namespace) -> dict[str, Any]:
    """What the contender tells of itself."""
    limits = {"OMP_NUM_THREADS": str(options.threads), "PYTHONPATH": str(HERE.parents[1])}
    done = subprocess.run(
        [python, HERE / "contender.py", name, options.out.resolve(),
         *map(str, (options.window, options.threads, options.runs))],
        env=os.environ | limits, cwd="/", check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return dict(json.loads(done.stdout.splitlines()[-1]))


def rows(told: dict[str, dict[str, Any]], out: Path) -> list[dict[str, Any]]:
    """Medians, and how each mask differs from that of one pass in fp32."""
    masks = {name: np.load(out / f"mask-{list(CONTENDERS).index(name)}.npy") for name in told}
    exact, found = masks[REFERENCE], []
    for name, row in told.items():
        seconds = median(row["seconds"])
        of_it = {key: row[key] for key in ("device", "precision", "tiles") if key in row}
        if "network" in row:
            of_it["beside_network"] = round(1 - median(row["network"]) / seconds, 3)
        found.append(
            {
                "contender": name,
                **of_it,
                "seconds": round(seconds, 3),
                "peak_mb": round(row["peak_mb"]),
                "differ": int((exact != masks[name]).sum()),
                "dice": round(dice(exact > 0, masks[name] > 0), 5),
            }
        )
    return found


if __name__ == "__main__":
    main()
