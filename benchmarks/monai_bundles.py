"""Imports bundles of MONAI's model zoo and compares their masks with those of MONAI's own command.

    python -P benchmarks/monai_bundles.py FOLDER --python PYTHON [--only NAME ...] [--json FILE]

FOLDER contains one folder for each bundle, with its configs. PYTHON is that of an environment with
MONAI and its engine (`benchmarks/monai/environment`), whose `python -m monai.bundle run` makes the
masks to compare with. Bundles without weights get random ones from a seed, so that the masks are
noise and differences show. Scans are synthetic, and longer than a window along one axis. Results
of other bundles in FILE are kept. The table of all is printed.
"""

import argparse
import json
import shutil
import sys
import tempfile
import warnings
from pathlib import Path
from time import perf_counter
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

HERE = Path(__file__).resolve().parent
sys.path += [str(HERE), str(HERE / "monai")]  # last: jobs.py must not hide the package `jobs`

from home_command import Home  # noqa: E402
from random_bundle import RandomBundle  # noqa: E402
from record import load, save  # noqa: E402

from imaging.errors import TesseraError  # noqa: E402
from inference.engine import Engine  # noqa: E402
from inference.options import RunOptions  # noqa: E402
from models.importers.run import import_model  # noqa: E402
from models.registry import Registry  # noqa: E402

SPACING_MM = (1.4, 1.7, 2.1)


def main() -> None:
    """Runs the bundles and prints their results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of the bundles")
    parser.add_argument("--python", type=Path, required=True, help="that of MONAI's environment")
    parser.add_argument("--only", nargs="+", help="names of bundles")
    parser.add_argument("--patch", type=int, help="largest window, for slow machines")
    parser.add_argument("--json", type=Path, help="file for the results")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    known = load(options.json)["rows"] if options.json and options.json.is_file() else []
    rows = {row["bundle"]: row for row in known}
    for source in sorted(options.folder.iterdir()):
        if (source / "configs").is_dir() and source.name in (options.only or [source.name]):
            row = result_of(source, options.patch, Home(options.python))
            rows[source.name] = {"bundle": source.name, **row}
            print(json.dumps(rows[source.name]), flush=True)
            if options.json:
                save(options.json, [rows[name] for name in sorted(rows)])
    print(*table([rows[name] for name in sorted(rows)]), sep="\n")


def result_of(source: Path, patch: int | None, home: Home) -> dict[str, Any]:
    """`refused` with the reason, or the number of voxels that differ and what was compared."""
    with tempfile.TemporaryDirectory() as folder:
        bundle = RandomBundle(Path(shutil.copytree(source, Path(folder) / source.name)), patch)
        registry = Registry(Path(folder) / "added", zoo=Path(folder) / "none")
        try:
            import_model(bundle.root, {}, registry.add, lambda _text: None)
        except TesseraError as error:
            if "no weights" not in error.detail:
                return {"refused": error.detail}
        images = scans(Path(folder), bundle)
        bundle.write_weights(images)
        model = import_model(bundle.root, {}, registry.add, lambda _text: None)
        start = perf_counter()
        expected = home.mask(bundle, images, Path(folder) / "home")
        between = perf_counter()
        names = [channel.name for channel in model.card.channels]
        output = Engine(registry, "auto").segment(
            dict(zip(names, images, strict=True)), model.card.name, Path(folder) / "out",
            RunOptions(precision="fp32"),
        )  # fmt: skip
        end = perf_counter()
        mask = stored(output.mask)
        windows = model.card.windows
        return {
            "network": bundle.network_name,
            "window": list(windows.patch) if windows else None,
            "capped": bundle.capped,
            "grid": list(mask.shape),
            "labels": len(np.unique(expected)),
            "voxels": int(mask.size),
            "differ": int((mask != expected).sum()),
            "seconds": {"monai": round(between - start, 1), "tessera": round(end - between, 1)},
        }


def scans(folder: Path, bundle: RandomBundle) -> list[Path]:
    """One file for each channel, or an RGB image."""
    if bundle.is_image:
        values = smooth(0, (200, 260, 3))
        values = (values - values.min()) / np.ptp(values) * 255
        Image.fromarray(values.astype(np.uint8)).save(folder / "image.png")
        return [folder / "image.png"]
    affine = np.diag([-SPACING_MM[0], *SPACING_MM[1:], 1.0])
    paths = [folder / f"{n}.nii.gz" for n in range(bundle.channels)]
    for seed, path in enumerate(paths):
        values = smooth(seed, shape_of(bundle))
        nibabel.save(nibabel.Nifti1Image(values, affine), path)
    return paths


def shape_of(bundle: RandomBundle) -> tuple[int, ...]:
    """Voxels along each axis for two windows along the first: one of slices is 4 slices."""
    window, spacing = bundle.window, bundle.spacing_mm or SPACING_MM
    if len(window) == 2:  # of slices
        return (window[0] // 3, window[1] + 14, 4)
    sizes = [n + n // 12 if axis == 0 else n // 2 for axis, n in enumerate(window)]
    return tuple(
        int(np.ceil(n * new / own)) for n, new, own in zip(sizes, spacing, SPACING_MM, strict=True)
    )


def smooth(seed: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Smooth noise in the range of a CT, with a border of zeros."""
    noise = np.random.default_rng(seed).normal(size=shape)
    values = np.asarray(gaussian_filter(noise, 1.5), np.float32)
    values = values / values.std() * 150 + 50
    values[:3], values[:, -2:] = 0, 0
    return values


def stored(path: Path) -> NDArray[Any]:
    """The mask on its stored axes."""
    if path.suffix == ".png":
        return np.asarray(Image.open(path))
    return np.asarray(nibabel.load(path).dataobj)


def table(rows: list[dict[str, Any]]) -> list[str]:
    """The table of the documentation."""
    lines = ["| bundle | result | scan | voxels that differ |", "|---|---|---|---|"]
    for row in rows:
        if "refused" in row:
            lines.append(f"| `{row['bundle']}` | refused: {row['refused']} | | |")
            continue
        window = " x ".join(map(str, row["window"])) if row["window"] else "whole image"
        window += " (the bundle's are larger)" if row["capped"] else ""
        equal = 100 * (1 - row["differ"] / row["voxels"])
        lines.append(
            f"| `{row['bundle']}` | imported: {row['network']}, {window}, {row['labels']} labels "
            f"| {' x '.join(map(str, row['grid']))} "
            f"| {row['differ']:,} of {row['voxels']:,} ({equal:.3f} % equal) |"
        )
    return lines


if __name__ == "__main__":
    main()
