"""Scans larger than memory: time per voxel and memory of the process for different sizes.

    python -P benchmarks/large.py FOLDER [--fraction 64] [--only CASE ...] [--json FILE]

Segments an image of 32,768 x 32,768 (tiled TIFF) and a volume of 1,024 x 1,024 x 1,024 (NIfTI), or
the given fraction of their voxels, with a network of one layer and with one of the zoo. The time is
from file to mask, with objects numbered or components post-processed. Each case has a process of
its own and a budget of 512 MB (image) or 1 GB (volume) for a tile. Anonymous memory is memory that
is not backed by a file. With `--json benchmarks/results/large.json` the results are added to those
that benchmarks/report.py reads: run it for the whole size and for a 64th of it.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent))

from anonymous import PeakMemory
from record import load, save

EDGES = {"image": 32768, "volume": 1024}
CASES = ("image-one-layer", "image-nuclei-2d", "volume-one-layer", "volume-brain-mri-3d")
BUDGET = {"image": 512 << 20, "volume": 1 << 30}
VOXEL_MM = 1.5
"""The spacing of brain-mri-3d, so that it processes every voxel."""
IN_MEMORY, SLAB, SMALL_BUDGET = 1 << 22, 1 << 20, 96 << 20
"""For --small: bytes above which arrays and caches are on disk, voxels of a slab, and budget in
bytes for a tile of the one-layer network, so that a fraction of the size behaves like the whole."""


def main() -> None:
    """Creates the scans, runs each case and prints a line for it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fraction", type=int, default=1, help="1 / fraction of the voxels")
    parser.add_argument("--only", nargs="+", choices=CASES, default=CASES)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--small", action="store_true", help="for tests: see SMALL_BUDGET")
    parser.add_argument("--json", type=Path, help="file for the results")
    parser.add_argument("--case", choices=CASES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.case:
        print(json.dumps(run(options)))
        return
    for case in options.only:
        make(options.folder, case, options.fraction)
        done = subprocess.run(
            [sys.executable, "-P", __file__, *sys.argv[1:], "--case", case],
            check=True, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        result = json.loads(done.stdout.splitlines()[-1])
        print(json.dumps(result) if options.small else line(result), flush=True)
        if options.json:
            saved = load(options.json)["rows"] if options.json.exists() else []
            save(options.json, [*saved, result_row(result, options.fraction)])


def result_row(result: dict[str, Any], fraction: int) -> dict[str, Any]:
    """The row of one run in the results file."""
    objects = {"objects": result["objects"]} if result["objects"] else {}
    return {
        "case": result["case"],
        "fraction": fraction,
        "grid": result["grid"],
        "seconds": round(result["seconds"], 1),
        "network": round(result["network"], 1),
        "ns_per_voxel": round(1e9 * result["seconds"] / float(np.prod(result["grid"]))),
        "anonymous_mb": round(result["anonymous_mb"]),
        **objects,
    }


def line(result: dict[str, Any]) -> str:
    """The result of one case as a line of text."""
    voxels = np.prod(result["grid"])
    return (
        f"{result['case']:20} {' x '.join(map(str, result['grid'])):20} {result['seconds']:8.1f} s "
        f"({result['network']:.1f} s network) "
        f"{1e9 * result['seconds'] / voxels:7.1f} ns per voxel, "
        f"{result['anonymous_mb']:5.0f} MB anonymous, {result['tiles']} tiles, "
        + (f"{result['objects']:,} objects" if result["objects"] else f"{result['labels']} labels")
    )


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Segments one scan, in this process."""
    import imaging.formats.tiff.regions
    import imaging.large_arrays
    from inference.engine import Engine
    from models.registry import Registry

    if options.small:
        imaging.large_arrays.IN_MEMORY_BYTES, imaging.large_arrays.SLAB_VOXELS = IN_MEMORY, SLAB
        imaging.formats.tiff.regions.CACHE_BYTES = IN_MEMORY
    kind, _, name = options.case.partition("-")
    budget = SMALL_BUDGET if options.small and name == "one-layer" else BUDGET[kind]
    registry = Registry(options.folder / "models")
    engine = Engine(registry, memory_bytes=budget, threads=options.threads, scratch=options.folder)
    model = registry.get(f"{kind}-one-layer" if name == "one-layer" else name)
    engine.prepare(model)
    peak = PeakMemory()
    began = time.perf_counter()
    outcome = engine.segment(
        {model.card.channels[0].name: scan(options.folder, options.case, options.fraction)},
        model.card.name, options.folder / f"{options.case}-{options.fraction}",
    )  # fmt: skip
    seconds = time.perf_counter() - began
    measured = outcome.report["measurements"]
    count = (measured["instances"] or {}).get("count")
    return {
        "case": options.case,
        "grid": [edge(kind, options.fraction)] * (2 if kind == "image" else 3),
        "seconds": seconds,
        "network": outcome.report["seconds"]["network"],
        "tiles": outcome.report["tiling"]["tiles"],
        "anonymous_mb": peak.stop() / 1e6,
        "objects": count,
        "labels": len(measured["labels"]),
    }


def edge(kind: str, fraction: int) -> int:
    """Number of pixels or voxels along each axis."""
    return round(EDGES[kind] / fraction ** (1 / (2 if kind == "image" else 3)))


def scan(folder: Path, case: str, fraction: int) -> Path:
    """The file of a case; in colour for nuclei-2d."""
    kind, _, name = case.partition("-")
    colour = "-colour" if name == "nuclei-2d" else ""
    return folder / f"{kind}{colour}-{fraction}{'.tif' if kind == 'image' else '.nii'}"


def make(folder: Path, case: str, fraction: int) -> None:
    """Creates the scan and the one-layer network of a case unless they exist."""
    kind = case.partition("-")[0]
    path, n = scan(folder, case, fraction), edge(kind, fraction)
    if not path.exists():
        print(f"creating {path.name} ...", file=sys.stderr)
        (image if kind == "image" else volume)(path, n)
    if case.endswith("one-layer") and not (folder / "models" / case).exists():
        from one_layer import write_model  # not in the measured process

        write_model(folder / "models" / case, 2 if kind == "image" else 3)


def bumps(*axes: NDArray[Any]) -> NDArray[np.uint8]:
    """Bright spots about 25 voxels apart, one in nine of them dark, with noise."""
    waves = [np.sin(axis / period) for axis, period in zip(axes, (4.0, 4.4, 4.2), strict=False)]
    value = np.ones(np.broadcast_shapes(*(wave.shape for wave in waves)), np.float32)
    for wave in waves:
        value = value * wave.astype(np.float32)
    noise = np.random.default_rng(int(axes[0].flat[0])).integers(0, 24, value.shape)
    return np.asarray(np.clip(110 + 110 * value + noise, 0, 255), np.uint8)


def image(path: Path, n: int) -> None:
    """Writes a tiled TIFF, tile by tile."""
    import tifffile

    colour, tile = "colour" in path.name, 512

    def tiles() -> Any:
        for row in range(0, n, tile):
            for column in range(0, n, tile):
                rows, columns = np.arange(row, row + tile), np.arange(column, column + tile)
                grey = bumps(rows[:, None], columns[None])
                yield 255 - np.stack([grey, grey // 2, grey // 3], -1) if colour else grey

    tifffile.imwrite(
        path, tiles(), shape=(n, n, 3) if colour else (n, n), dtype=np.uint8, tile=(tile, tile),
        photometric="rgb" if colour else "minisblack", compression="zlib", bigtiff=True,
        metadata=None,
    )  # fmt: skip


def volume(path: Path, n: int) -> None:
    """Writes a NIfTI, plane by plane."""
    import nibabel

    header = nibabel.Nifti1Header()
    header.set_data_shape((n, n, n))
    header.set_data_dtype(np.int16)
    affine = np.diag([VOXEL_MM] * 3 + [1])
    header.set_sform(affine, 1)
    header.set_qform(affine, 1)
    header["vox_offset"] = 352
    axis = np.arange(n)
    with path.open("wb") as file:
        file.write(header.binaryblock + bytes(4))
        for k in axis:
            plane = bumps(np.array([[k]]), axis[:, None], axis[None]).astype(np.int16)
            file.write(plane.tobytes())


if __name__ == "__main__":
    main()
