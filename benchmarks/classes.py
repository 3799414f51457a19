"""Cost of many classes: 512 x 512 x 300 voxels through networks with 2 and with 117 outputs.

    python -P benchmarks/classes.py [--threads 2] [--json FILE]

Two `same` 3D U-Nets with 16-32-64-128 channels and random weights differ only in their last layer.
Each runs in a process of its own, with a budget of 2 GB for a tile. Peak memory is the anonymous
memory of the process; pages of files (the scan, scratch files) can be released at any time. With
`--json benchmarks/results/classes.json` the results are saved for benchmarks/report.py.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from anonymous import PeakMemory
from record import save

GRID = (512, 512, 300)
CLASSES = (2, 117)


def main() -> None:
    """Runs both networks and prints the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="file for the results")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one(options.one, options.threads)))
        return
    few, many = (measured(classes, options.threads) for classes in CLASSES)
    if options.json:
        device = {name: few[name] for name in ("device", "precision")}
        rows = [result_row(n, row) for n, row in zip(CLASSES, (few, many), strict=True)]
        save(options.json, rows, grid=GRID, **device)
    voxels = np.prod(GRID)
    print(f"{few['device']}, {few['precision']}; {GRID[0]} x {GRID[1]} x {GRID[2]}")
    for classes, row in zip(CLASSES, (few, many), strict=True):
        rate = voxels / row["total"] / 1e6
        print(
            f"{classes:4} classes: {row['total']:.1f} s ({row['network']:.1f} s network), "
            f"{rate:.2f} Mvoxel/s, peak {row['peak_mb']:.0f} MB, {row['tiles']} tiles"
        )
    print(f"peak memory: {many['peak_mb'] / few['peak_mb']:.2f} times")
    print(f"time, including last layer and argmax: {many['total'] / few['total']:.2f} times")
    print(f"float32 logits of the whole scan, for comparison: {voxels * 117 * 4 / 1e9:.1f} GB")


def result_row(classes: int, row: dict[str, Any]) -> dict[str, Any]:
    """The row of one run in the results file."""
    return {
        "outputs": classes,
        "seconds": round(row["total"], 1),
        "network": round(row["network"], 1),
        "anonymous_mb": round(row["peak_mb"]),
    }


def measured(classes: int, threads: int) -> dict[str, Any]:
    """Runs one network in a process of its own."""
    arguments = [sys.executable, "-P", __file__, "--threads", str(threads), "--one", str(classes)]
    done = subprocess.run(arguments, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def one(classes: int, threads: int) -> dict[str, Any]:
    """Segments noise in a mapped file, like a NIfTI file that is mapped."""
    from imaging.scan import Scan
    from inference.engine import Engine
    from inference.options import RunOptions
    from inference.run_context import RunContext
    from models.registry import Registry

    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-P", "-c", EXPORT, folder, str(classes)]
        subprocess.run(command, check=True, env=os.environ)  # torch's memory must not count
        volume = np.memmap(Path(folder) / "noise", np.float32, "w+", shape=(1, *GRID))
        random = np.random.default_rng(0)
        for plane in range(GRID[0]):
            volume[0, plane] = random.standard_normal(GRID[1:], dtype=np.float32)
        volume.flush()
        scan = Scan(
            volume.shape, volume.dtype, np.eye(4), (1.0, 1.0, 1.0), "array",
            lambda box: np.asarray(volume[(slice(None), *box.slices)]), GRID,
        )  # fmt: skip
        registry = Registry(Path(folder) / "models")
        engine = Engine(registry, threads=threads, memory_bytes=2 << 30)
        model, options = registry.get("classes"), RunOptions(precision="fp32")
        peak = PeakMemory()
        context = RunContext(_print_progress)
        record = engine.run({"image": scan}, model, options, context).record
        return {
            **{name: record.seconds[name] for name in ("network", "total")},
            "tiles": record.tiles,
            "peak_mb": peak.stop() / 1e6,
            "device": record.device,
            "precision": record.precision,
        }


def _print_progress(done: int, tiles: int) -> None:
    print(f"\r{done}/{tiles} tiles", end="", file=sys.stderr, flush=True)


EXPORT = """
import sys
from pathlib import Path
import torch
from models.export import export_network
from models.nets.config import UNetConfig
from models.nets.unet import UNet
from models.card_facts import CardFacts
classes = int(sys.argv[2])
torch.manual_seed(0)
config = UNetConfig.of_widths(
    (16, 32, 64, 128), dimension=3, out_channels=classes, padding="same", batch_norm=True
)
numbers = range(1, classes)
facts = {
    "name": "classes", "title": "random weights", "channels": [{"name": "image"}],
    "labels": [{"value": n, "name": f"l{n}", "color": "#ff0000"} for n in numbers],
    "outputs": list(range(classes)), "intensity": {"kind": "zscore"}, "licence": "none",
}
folder = Path(sys.argv[1]) / "models" / "classes"
export_network(UNet(config), CardFacts.model_validate(facts), folder)
"""

if __name__ == "__main__":
    main()
