"""Compares Tessera's masks with those of nnU-Net's own command, for networks that nnU-Net trained.

    PYTHON benchmarks/nnunet/train.py CASES
    PYTHON benchmarks/nnunet/predict_bf16.py CASES
    python -P benchmarks/nnunet_parity.py CASES [--only NAME ...] [--json FILE]

PYTHON is that of an environment with nnU-Net (`benchmarks/nnunet/environment`).

Imports each network and segments its ten cases by Tessera's commands, as a user would. Prints a
row for each network and precision, and exits with 1 unless in fp32 at least 99.99 % of the voxels
are equal and each label has a Dice of at least 0.9999 over all cases (in bf16: a Dice of at least
0.999). In bf16 Tessera runs whatever its check says; where nnU-Net predicted the cases in bf16, too
(the second command), the row has the lowest Dice between its own two masks.
"""

import argparse
import json
import os
import shutil
import sys
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import SimpleITK
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
sys.path += [str(HERE), str(HERE / "nnunet")]  # last: jobs.py must not hide the package `jobs`

from cases import CASES, Case, folder  # noqa: E402
from record import save  # noqa: E402

from imaging.metrics import dice  # noqa: E402

Pair = tuple[NDArray[Any], NDArray[Any]]
LEAST = {"fp32": (0.9999, 0.9999), "bf16": (0.0, 0.999)}
"""Least fraction of equal voxels, and least Dice of a label, by precision."""


@dataclass(frozen=True)
class Model:
    """An imported network."""

    name: str
    channels: tuple[str, ...]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", type=Path)
    parser.add_argument("--only", nargs="+", default=list(CASES))
    parser.add_argument("--precision", nargs="+", choices=LEAST, default=list(LEAST))
    parser.add_argument("--json", type=Path, help="file for the results")
    options = parser.parse_args()
    root = options.cases.resolve()
    os.environ["TESSERA_DATA"] = str(root / "tessera")
    rows = []
    for name, precision in product(options.only, options.precision):
        if (root / "predicted" / name).is_dir():
            row = compared(root, name, precision)
            rows.append({"network": name, "precision": precision, **row})
            print(json.dumps(rows[-1]), flush=True)
    if options.json:
        save(options.json, rows)
    sys.exit(0 if rows and all(row["passed"] for row in rows) else 1)


def compared(root: Path, name: str, precision: str) -> dict[str, Any]:
    """Imports and runs the network `name`, and compares its masks with nnU-Net's."""
    case, out = CASES[name], root / "tessera" / precision / name
    shutil.rmtree(out, ignore_errors=True)
    models = [imported(root, name, configuration) for configuration in case.configurations]
    began = perf_counter()
    segmented(root, name, models[-1], out, precision)
    seconds = perf_counter() - began
    pairs = pairs_of(root / "predicted" / name, out, case.ending)
    equal = sum(int((a == b).sum()) for a, b in pairs) / sum(a.size for a, _ in pairs)
    scores = dice_of(pairs, case)
    least = LEAST[precision]
    return {
        "cases": len(pairs),
        "voxels": sum(a.size for a, _ in pairs),
        "differ": [int((a != b).sum()) for a, b in pairs],
        "equal": round(equal, 7),
        "labels_found": len(scores),
        "lowest_dice": round(min(scores, default=0.0), 6),
        "labelled": round(float(np.mean([(a > 0).mean() for a, _ in pairs])), 4),
        "seconds": round(seconds, 1),
        "passed": equal >= least[0] and min(scores, default=0.0) >= least[1],
        **(home_dice(root, name) if precision == "bf16" else {}),
    }


def home_dice(root: Path, name: str) -> dict[str, float]:
    """The lowest Dice between nnU-Net's masks in fp32 and in bf16, if it predicted both."""
    case, reduced = CASES[name], root / "predicted-bf16" / name
    if not reduced.is_dir():
        return {}
    scores = dice_of(pairs_of(root / "predicted" / name, reduced, case.ending), case)
    return {"home_dice": round(min(scores, default=0.0), 6)}


def pairs_of(home: Path, other: Path, ending: str) -> list[Pair]:
    """The masks of one folder and those of the same names in another."""
    names = sorted(path.name for path in home.glob(f"*{ending}"))
    return [(array_of(home / name), array_of(other / name)) for name in names]


def dice_of(pairs: list[Pair], case: Case) -> list[float]:
    """Dice of each label that occurs, over all cases."""
    used = (value for stated, value in case.labels.items() if stated != "ignore")
    labels = sorted({label for value in used for label in np.atleast_1d(value)} - {0})
    return [score for label in labels if (score := _over_all(pairs, label)) is not None]


def _over_all(pairs: list[Pair], label: int) -> float | None:
    """Dice of a label over all voxels of all cases; None where neither found it anywhere."""
    found = [
        np.concatenate([mask.ravel() for mask in masks]) == label
        for masks in zip(*pairs, strict=True)
    ]
    return dice(*found) if any(one.any() for one in found) else None


def imported(root: Path, name: str, configuration: str) -> Model:
    """The network as `tessera models import` adds it."""
    from models.registry import Registry

    target = f"{name}-{configuration.replace('_', '-')}"
    shutil.rmtree(root / "tessera" / "models" / target, ignore_errors=True)
    source = folder(root, name, "results")
    options = ["--configuration", configuration, "--name", target]
    if "cascade" in configuration:
        options += ["--first-model", f"{name}-3d-lowres"]
    tessera("models", "import", source, *options)
    card = Registry(root / "tessera" / "models").get(target).card
    scans = (channel.name for channel in card.channels if not channel.label_values)
    return Model(target, tuple(scans))


def segmented(root: Path, name: str, model: Model, out: Path, precision: str) -> None:
    """Segments all cases, named as nnU-Net names its masks."""
    case, images = CASES[name], folder(root, name, "raw") / "imagesTs"
    out.mkdir(parents=True, exist_ok=True)
    for reference in sorted((root / "predicted" / name).glob(f"*{case.ending}")):
        subject = reference.name.removesuffix(case.ending)
        files = [images / f"{subject}_{n:04d}{case.ending}" for n in range(len(case.channels))]
        scans = dict(zip(model.channels, files, strict=True))
        segment(model, scans, out / reference.name, precision)


def segment(model: Model, scans: dict[str, Path], out: Path, precision: str) -> None:
    """Writes one mask: by the command, or in bf16 without the check that the command makes."""
    if precision == "fp32":
        channels = [
            part for name, path in scans.items() for part in ("--channel", f"{name}={path}")
        ]
        tessera("segment", "--model", model.name, "--precision", "fp32", *channels, "--out", out)
        return
    from unchecked import segment_unchecked

    segment_unchecked(model.name, scans, out)


def tessera(*arguments: Any) -> None:
    """Runs a command of Tessera in this process, without what it prints."""
    from contextlib import redirect_stderr, redirect_stdout
    from io import StringIO

    from cli.main import tessera as command

    text = StringIO()
    with redirect_stdout(text), redirect_stderr(text):
        command.main([str(argument) for argument in arguments], standalone_mode=False)


def array_of(path: Path) -> NDArray[Any]:
    """The voxels of a mask."""
    return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))


if __name__ == "__main__":
    main()
