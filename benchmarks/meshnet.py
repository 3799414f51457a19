"""Trained MeshNets of brainchop: Tessera beside torch in one pass, from a scan's file to a mask's.

    python -m benchmarks.meshnet FOLDER [--edge 96] [--json FILE]

FOLDER contains t1_crop.nii.gz (a head, 256 x 256 x 256 voxels) and the networks model18cls and
model30chan18cls in the format of TensorFlow.js. `tessera models import` is called for each of them.
Then torch, Tessera in fp32 and Tessera in bf16 (whatever the check of precision says) segment the
scan, or a cube of --edge voxels from its middle, each in a process of its own. A voxel is a tie
where torch's two best logits differ by less than 1e-5 of the range of all. torch needs about 6 GB.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from benchmarks.dilated import torch_logits
from benchmarks.record import save

NETWORKS = ("model18cls", "model30chan18cls")
SCAN = "t1_crop.nii.gz"
TIE = 1e-5
"""Difference of the two best logits, relative to the range of all logits, below which either label
is right."""
Facts = dict[str, Any]
Run = Callable[[], tuple[NDArray[Any], Facts]]
"""Segments the scan and writes its mask; returns the mask and facts about the run."""


def torch_run(folder: Path, network: str, work: Path) -> Run:
    """brainchop's own order: the whole volume, as stored, scaled to 0 ... 1. Keeps the ties."""
    from models.importers.meshnet.tfjs import read_tfjs

    description = json.loads((folder / network / "model.json").read_text())
    layers = read_tfjs(description, folder / network)

    def run() -> tuple[NDArray[Any], Facts]:
        image = nibabel.load(work / SCAN)
        values = np.asarray(image.dataobj).astype(np.float32)
        values = (values - values.min()) / np.ptp(values)
        logits = torch_logits(layers, values[None, None])[0]
        mask = logits.argmax(0).astype(np.uint8)
        nibabel.save(nibabel.Nifti1Image(mask, image.affine), work / "torch.nii.gz")
        return mask, {"logits": logits}

    return run


def tessera_run(precision: str) -> Callable[[Path, str, Path], Run]:
    """The engine of a worker; the network was prepared before, as in a service."""
    from inference.engine import Engine
    from inference.options import RunOptions
    from models.registry import Registry

    def load(_folder: Path, network: str, work: Path) -> Run:
        registry = Registry(work / "models", zoo=work / "none")
        engine, model = Engine(registry), registry.get(network)
        options = RunOptions(precision=precision)
        engine.prepare(model, options=options)
        channel = model.card.channels[0].name

        def run() -> tuple[NDArray[Any], Facts]:
            output = engine.segment({channel: work / SCAN}, network, work / "mask", options)
            report = output.report
            facts = {"precision": report["precision"], "tiles": report["tiling"]["tiles"]}
            return np.asarray(nibabel.load(output.mask).dataobj), facts

        return run

    return load


CONTENDERS: dict[str, Callable[[Path, str, Path], Run]] = {
    "torch, one pass": torch_run,
    "Tessera, fp32": tessera_run("fp32"),
    "Tessera, bf16": tessera_run("unchecked"),
}
REFERENCE = next(iter(CONTENDERS))


def measured(name: str, folder: Path, network: str, work: Path) -> Facts:
    """Runs a contender once, in this process."""
    run = CONTENDERS[name](folder, network, work)
    began = time.perf_counter(), time.process_time()
    mask, facts = run()
    row: Facts = {
        "network": network,
        "contender": name,
        "seconds": round(time.perf_counter() - began[0], 2),
        "processor_s": round(time.process_time() - began[1], 2),
        "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
    }
    kept = work / f"{network}.npz"
    if "logits" in facts:  # after the measurement
        np.savez(kept, mask=mask, tie=ties(facts.pop("logits")))
    reference = np.load(kept)
    differ = mask != reference["mask"]
    row |= {"differ": int(differ.sum()), "ties": int((differ & reference["tie"]).sum())}
    return row | {"voxels": mask.size, "labels": len(np.unique(mask)), **facts}


def ties(logits: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where the two best of the logits (outputs, i, j, k) are as good as equal; slice by slice."""
    least = TIE * float(logits.max() - logits.min())
    slices = [np.partition(logits[:, i], -2, axis=0)[-2:] for i in range(logits.shape[1])]
    return np.stack([best[1] - best[0] < least for best in slices])


def prepare(folder: Path, work: Path, edge: int | None) -> None:
    """Imports the networks as `tessera models import` does, and writes the scan."""
    from inference.networks.reach_probe import proved
    from inference.verify import verify
    from models.completed_card import completed
    from models.importers.run import import_model
    from models.registry import Model, Registry

    registry = Registry(work / "models", zoo=work / "none")

    def add(draft: Path) -> Model:
        with TemporaryDirectory() as complete:
            completed(draft, Path(complete), proved)
            return registry.add(Path(complete), verify)

    for network in NETWORKS:
        began = time.perf_counter()
        model = import_model(folder / network, {}, add, lambda _text: None)
        assert model.card.name == network
        assert model.card.exact
        print(f"{network}: imported in {time.perf_counter() - began:.1f} s", flush=True)
    image = nibabel.load(folder / SCAN)
    if edge is not None:
        first = [(size - edge) // 2 for size in image.shape]
        image = image.slicer[tuple(slice(n, n + edge) for n in first)]
    nibabel.save(image, work / SCAN)


def main() -> None:
    """Prints a line for each network and contender."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--edge", type=int, help="segment a cube of this size")
    parser.add_argument("--json", type=Path, help="file for the results")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        name, network, work = options.one
        print(json.dumps(measured(name, options.folder, network, Path(work))))
        return
    rows = []
    with TemporaryDirectory() as work:
        prepare(options.folder, Path(work), options.edge)
        for network in NETWORKS:
            for name in CONTENDERS:
                command = [sys.executable, "-m", "benchmarks.meshnet", str(options.folder)]
                command += ["--one", name, network, work]
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
                rows.append(json.loads(done.stdout.splitlines()[-1]))
                print(line(rows[-1]), flush=True)
    if options.json:
        save(options.json, rows)


def line(row: Facts) -> str:
    """A row as text."""
    return (
        f"{row['network']:18}{row['contender']:18}{row['seconds']:8.1f} s "
        f"{row['processor_s']:8.1f} processor s {row['peak_gb']:6.1f} GB "
        f"{row['differ']:9,} of {row['voxels']:,} voxels differ, {row['ties']:,} of them ties"
    )


if __name__ == "__main__":
    main()
