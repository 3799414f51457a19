"""Tessera beside MONAI and nnU-Net: one volume, one network, the same weights and threads.

    python -P benchmarks/peers OUT [--dimension 3] [--nnunet PYTHON] [--window 64] [--threads 2]

Each contender runs in a process of its own, one after another; PYTHON is that of an environment
with nnunetv2 (it replaces torch). Prints a table in Markdown; OUT keeps the trained network.
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

from contender import CONTENDERS  # noqa: E402
from network import prepare  # noqa: E402

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
    options = parser.parse_args()
    options.window = options.window or {2: 512, 3: 64}[options.dimension]
    prepare(options.out, options.dimension)
    told = {}
    for name in CONTENDERS:
        python = options.nnunet if name.startswith("nnU-Net") else sys.executable
        if python is not None and (name in ALWAYS or any(part in name for part in options.only)):
            print(name, "...", file=sys.stderr, flush=True)
            told[name] = run(python, name, options)
    print(table(told, options.out))


def run(python: Path | str, name: str, options: argparse.Namespace) -> dict[str, Any]:
    """What the contender tells of itself."""
    limits = {"OMP_NUM_THREADS": str(options.threads), "PYTHONPATH": str(HERE.parents[1])}
    done = subprocess.run(
        [python, HERE / "contender.py", name, options.out.resolve(),
         *map(str, (options.window, options.threads, options.runs))],
        env=os.environ | limits, cwd="/", check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return dict(json.loads(done.stdout.splitlines()[-1]))


def table(told: dict[str, dict[str, Any]], out: Path) -> str:
    """Medians beside Tessera's own."""
    masks = {name: np.load(out / f"mask-{list(CONTENDERS).index(name)}.npy") for name in told}
    own = median(told["Tessera"]["seconds"])
    lines = [
        "| | s | times Tessera | peak memory, MB | voxels that differ | Dice |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in told.items():
        exact, found = masks[REFERENCE], masks[name]
        where = f" ({row['device']}, {row['precision']})" if "device" in row else ""
        seconds = median(row["seconds"])
        lines.append(
            f"| {name}{where} | {seconds:.2f} | {seconds / own:.1f} | {row['peak_mb']:.0f} "
            f"| {int((exact != found).sum()):,} | {dice(exact > 0, found > 0):.5f} |"
        )
        if "network" in row:
            beside = 1 - median(row["network"]) / seconds
            lines[-1] += f" <!-- beside the network: {100 * beside:.0f} % -->"
    return "\n".join(lines)


if __name__ == "__main__":
    main()
