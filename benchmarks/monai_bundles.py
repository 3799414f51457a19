"""Imports bundles of MONAI's model zoo and compares their masks with those that MONAI makes.

    python -P benchmarks/monai_bundles.py FOLDER [--only NAME] [--patch 64]

FOLDER contains one folder for each bundle, with its configs. Bundles without weights get random
ones from a seed, so that the masks are noise and differences show. Scans are small and synthetic.
Results are kept in benchmarks/results/monai_bundles.json, and the table of all is printed.
"""

import argparse
import json
import re
import shutil
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import torch
import yaml
from monai.utils.module import optional_import
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from imaging.errors import TesseraError
from inference.engine import Engine
from inference.options import RunOptions
from models.importers.run import import_model
from models.registry import Registry
from tests.support.monai_home import home_mask, seeded_network

RESULTS = Path(__file__).parent / "results" / "monai_bundles.json"
SPACED, PLAIN, SLICES = (
    ((50, 44, 36), (1.4, 1.7, 2.1)),
    ((70, 60, 50), (1.0, 1.0, 1.0)),
    ((90, 270, 4), (1.0, 1.0, 5.0)),
)
"""Shapes and voxel sizes (mm): for bundles that resample, that do not, and that run on slices."""


def main() -> None:
    """Runs the bundles and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of the bundles")
    parser.add_argument("--only", help="one bundle")
    parser.add_argument("--patch", type=int, default=2048, help="largest window, for slow machines")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    results: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    for source in sorted(options.folder.iterdir()):
        if (source / "configs").is_dir() and options.only in (None, source.name):
            print(source.name, flush=True)
            results[source.name] = result_of(source, options.patch)
            RESULTS.write_text(json.dumps(dict(sorted(results.items())), indent=1) + "\n")
    print(*table(results), sep="\n")


def result_of(source: Path, patch: int) -> dict[str, Any]:
    """`refused` with the reason, or the part of equal voxels and what was compared."""
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / source.name
        shutil.copytree(source, bundle)
        content = shrunk(bundle, patch)
        images = scans(Path(folder), bundle, json.dumps(content))
        registry = Registry(Path(folder) / "added", zoo=Path(folder) / "none")
        try:
            import_model(bundle, {}, registry.add, print)
        except TesseraError as error:
            if "no weights" not in error.detail:
                return {"refused": error.detail}
        network = weighted(bundle, images, content)
        model = import_model(bundle, {}, registry.add, print)
        home = home_mask(bundle, {"image": images[0] if len(images) == 1 else images}, network)
        names = [channel.name for channel in model.card.channels]
        output = Engine(registry, "cpu").segment(
            dict(zip(names, images, strict=True)), model.card.name, Path(folder) / "out",
            RunOptions(precision="fp32"),
        )  # fmt: skip
        mask = stored(output.mask)
        windows = model.card.windows
        return {
            "network": content["network_def"]["_target_"].rpartition(".")[2],
            "window": list(windows.patch) if windows else None,
            "voxels": int(mask.size),
            "labels": len(np.unique(home)),
            "differ": int((mask != home).sum()),
        }


def shrunk(bundle: Path, patch: int) -> dict[str, Any]:
    """The configuration with windows of at most `patch` voxels per axis, for both sides; a reader
    that is not installed is left out."""
    (path,) = (bundle / "configs").glob("inference.*")
    as_json = path.suffix == ".json"
    content: dict[str, Any] = (json.loads if as_json else yaml.safe_load)(path.read_text())
    size = content["inferer"].get("roi_size")
    if isinstance(size, list) and len(size) == 3:
        content["inferer"]["roi_size"] = [min(n, patch) for n in size]
    if not optional_import("itk")[1]:
        for transform in content["preprocessing"]["transforms"]:
            transform.pop("reader", None)
    path.write_text(json.dumps(content) if as_json else yaml.safe_dump(content))
    return content


def weighted(bundle: Path, images: list[Path], content: Mapping[str, Any]) -> Any:
    """The network, its weights stored in the bundle under the name that its loader states."""
    network = seeded_network(bundle, {"image": images[0] if len(images) == 1 else images})
    loaders = [content.get("checkpointloader", {}), *content.get("handlers", [])]
    stated = [str(one["load_path"]) for one in loaders if "load_path" in one]
    known = re.search(r"models/(\w+\.pt)", stated[0]) if stated else None
    name = known[1] if known else "model.pt"
    (bundle / "models").mkdir(exist_ok=True)
    torch.save(network.state_dict(), bundle / "models" / name)
    return network


def scans(folder: Path, bundle: Path, content: str) -> list[Path]:
    """One file for each channel, or an RGB image."""
    metadata = json.loads((bundle / "configs" / "metadata.json").read_text())
    stated = next(iter(metadata["network_data_format"]["inputs"].values()))
    if '"spatial_dims": 2' in content and "SliceInferer" not in content:
        values = smooth(0, (200, 260, 3))
        values = (values - values.min()) / np.ptp(values) * 255
        Image.fromarray(values.astype(np.uint8)).save(folder / "image.png")
        return [folder / "image.png"]
    kind = SPACED if "Spacingd" in content else SLICES if "SliceInferer" in content else PLAIN
    affine = np.diag([-kind[1][0], *kind[1][1:], 1.0])
    paths = [folder / f"{n}.nii.gz" for n in range(stated["num_channels"])]
    for seed, path in enumerate(paths):
        nibabel.save(nibabel.Nifti1Image(smooth(seed, kind[0]), affine), path)
    return paths


def smooth(seed: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Smooth noise in the range of a CT, with a border of zeros."""
    noise = np.random.default_rng(seed).normal(size=shape)
    values = np.asarray(gaussian_filter(noise, 1.5), np.float32)
    values = values / values.std() * 150 + 50
    values[:3], values[:, -2:] = 0, 0
    return values


def stored(path: Path) -> NDArray[Any]:
    """The mask on the axes of MONAI's reader."""
    if path.suffix == ".png":
        return np.asarray(Image.open(path)).T
    return np.asarray(nibabel.load(path).dataobj)


def table(results: Mapping[str, Any]) -> list[str]:
    """The rows of the documentation's table."""
    rows = ["| bundle | result | voxels that differ |", "|---|---|---|"]
    for name, one in sorted(results.items()):
        if "refused" in one:
            rows.append(f"| `{name}` | refused: {one['refused']} | |")
            continue
        window = " x ".join(map(str, one["window"])) if one["window"] else "whole image"
        equal = 100 * (1 - one["differ"] / one["voxels"])
        rows.append(
            f"| `{name}` | imported: {one['network']}, {window}, {one['labels']} labels "
            f"| {one['differ']} of {one['voxels']:,} ({equal:.3f} % equal) |"
        )
    return rows


if __name__ == "__main__":
    main()
