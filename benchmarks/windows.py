"""Overlapping windows: Tessera beside MONAI's inferer, the same network and windows, file to file.

    python -P benchmarks/windows.py FOLDER [--edge 160] [--window 96] [--runs 3] [--json FILE]

A network like nnU-Net's (MONAI's DynUNet with instance norm, random weights, two labels) segments a
NIfTI file of noise in windows that overlap by half, with Gaussian weights and without mirroring.
Networks are loaded before. Contenders take turns in one process, so that a busy machine slows all
of them. The table shows the medians of the seconds and of the processor's seconds, and the share of
voxels that have the label of MONAI in fp32.
"""

import argparse
import sys
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import nibabel
import numpy as np
import torch
from monai.inferers.utils import sliding_window_inference
from monai.networks.nets import DynUNet
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent))

from record import save

from imaging.formats.mask_file import write
from imaging.formats.sniff import open_scan
from inference.device import Device, choose
from inference.networks.session import Session
from inference.pipeline import segment
from inference.planner import Budget
from models.card import ModelCard
from models.importers.torch_export import export_to_onnx
from models.registry import Registry

LEVELS = 4
FILTERS = (32, 64, 128, 256)
Contender = Callable[[], NDArray[Any]]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--edge", type=int, default=160, help="voxels along each axis of the scan")
    parser.add_argument("--window", type=int, default=96)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="file for the results")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    network, scan = write_inputs(options.folder, options.edge, options.window)
    contenders = {
        "MONAI": monai(network, scan, options.folder, options.window, bf16=False),
        "MONAI, bf16 autocast": monai(network, scan, options.folder, options.window, bf16=True),
        "Tessera, fp32": tessera(scan, options.folder, options.threads, "fp32"),
        "Tessera, bf16": tessera(scan, options.folder, options.threads, "bf16"),
    }
    masks: dict[str, NDArray[Any]] = {}
    times: dict[str, list[Times]] = {name: [] for name in contenders}
    for _ in range(options.runs):
        for name, run in contenders.items():
            began = time.perf_counter(), time.process_time()
            masks[name] = run()
            times[name].append(
                Times(time.perf_counter() - began[0], time.process_time() - began[1])
            )
    rows = [row(name, times[name], masks[name], masks["MONAI"]) for name in contenders]
    for one in rows:
        print("{name:22} {seconds:8.2f} s {cpu_seconds:8.2f} s {equal:.5f}".format(**one))
    if options.json:
        save(options.json, rows, edge=options.edge, window=options.window, runs=options.runs)


class Times(NamedTuple):
    """One run, in seconds."""

    elapsed: float
    processor: float
    """Of all threads; on a busy machine it varies less."""


def row(
    name: str, times: list[Times], mask: NDArray[Any], reference: NDArray[Any]
) -> dict[str, Any]:
    """Medians of a contender, and the share of voxels that have the reference's label."""
    return {
        "name": name,
        "seconds": round(median(one.elapsed for one in times), 2),
        "cpu_seconds": round(median(one.processor for one in times), 2),
        "equal": round(float((mask == reference).mean()), 5),
    }


def write_inputs(folder: Path, edge: int, window: int) -> tuple[DynUNet, Path]:
    """The network as torch, its model in folder/models/windows, and the scan's file."""
    torch.manual_seed(0)
    network = DynUNet(
        3, 1, 3, [3] * LEVELS, [1, *[2] * (LEVELS - 1)], [2] * (LEVELS - 1), filters=FILTERS
    ).eval()
    model = folder / "models" / "windows"
    model.mkdir(parents=True, exist_ok=True)
    export_to_onnx(network, model / "model.onnx", 1, (32, 32, 32))
    card(window, sha256((model / "model.onnx").read_bytes()).hexdigest()).save(model / "card.json")
    values = np.random.default_rng(0).normal(size=[edge // 8 + 1] * 3).astype(np.float32)
    image = values.repeat(8, 0).repeat(8, 1).repeat(8, 2)[:edge, :edge, :edge]
    scan = folder / "scan.nii.gz"
    nibabel.save(nibabel.Nifti1Image(image, np.eye(4)), scan)
    return network, scan


def card(window: int, checksum: str) -> ModelCard:
    """The same windows as `monai` runs."""
    return ModelCard.model_validate(
        {
            "name": "windows", "version": "1", "title": "DynUNet, random weights", "dimension": 3,
            "channels": [{"name": "image"}], "outputs": [0, 1, 2], "licence": "none",
            "labels": [{"value": n, "name": f"l{n}", "color": "#ff0000"} for n in (1, 2)],
            "intensity": {"kind": "none"}, "padding": "same", "halo": [0] * 3, "exact": False,
            "align": [2 ** (LEVELS - 1)] * 3, "minimum": [2 ** (LEVELS - 1)] * 3,
            "sample": {"kind": "noise", "shape": [64, 64, 64]}, "sha256": checksum,
            "windows": {
                "patch": [window] * 3, "step": 0.5, "step_rule": "fixed", "weights": "gaussian",
            },
        }
    )  # fmt: skip


def monai(network: DynUNet, scan: Path, folder: Path, window: int, *, bf16: bool) -> Contender:
    """MONAI's inferer with torch."""

    def run() -> NDArray[Any]:
        file = nibabel.load(scan)
        image = torch.from_numpy(np.asarray(file.dataobj, np.float32))[None, None]
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            logits = sliding_window_inference(image, [window] * 3, 1, network, 0.5, "gaussian")
        mask = logits[0].argmax(0).to(torch.uint8).numpy()
        nibabel.save(nibabel.Nifti1Image(mask, file.affine), folder / "monai.nii.gz")
        return mask

    return run


def tessera(scan: Path, folder: Path, threads: int, precision: str) -> Contender:
    """The pipeline of a worker, in this precision whatever the check of precision says."""
    model = Registry(folder / "models", zoo=folder / "none").get("windows")
    device = Device(choose("auto", "fp32").name, precision)
    session = Session(model.verified, device, threads)

    def run() -> NDArray[Any]:
        opened = open_scan(scan)
        result = segment({"image": opened}, model.card, session, Budget(4 << 30))
        write(folder / f"tessera-{precision}.nii.gz", result.mask, opened)
        return result.mask

    return run


if __name__ == "__main__":
    main()
