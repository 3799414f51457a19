"""Tessera beside nnU-Net's own command: time and memory from file to file, one process each.

    python -P benchmarks/nnunet_speed.py FOLDER --nnunet PYTHON [--runs 3] [--json FILE]
    python -P benchmarks/nnunet_speed.py FOLDER --nnunet PYTHON --grid 512 512 400 --classes 25 ...

PYTHON is that of an environment with nnU-Net (`benchmarks/nnunet/environment`). A network of
nnU-Net's usual kind with random weights (`benchmarks/nnunet/untrained.py`) is imported. Then a made
CT is segmented by `nnUNetv2_predict_from_modelfolder` and by Tessera, with the mirroring that is
nnU-Net's default, taking turns. Start of the process, preparation of the scan and writing of the
mask are part of the time. Tessera's networks have been compiled by a run before, as they are after
an import. Tessera runs in bf16 whatever its check says, because the weights are random.

Memory is what is not backed by a file, summed over the processes of each.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

import SimpleITK

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE))  # last: its jobs.py must not hide the package `jobs`

from process_memory import Run, run  # noqa: E402
from record import save, versions  # noqa: E402

NNUNET, FP32, BF16 = "nnU-Net", "Tessera, fp32", "Tessera, bf16"
MODEL = "untrained"
TESSERA = Path(sys.executable).with_name("tessera")


def main() -> None:
    """Prints a row for each contender."""
    options = arguments()
    folder = options.folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    shape = {name: map(str, getattr(options, name)) for name in ("grid", "patch", "features")}
    subprocess.run(
        [options.nnunet, HERE / "nnunet" / "untrained.py", folder,
         *(part for name, values in shape.items() for part in (f"--{name}", *values)),
         "--classes", str(options.classes), "--convolutions", str(options.convolutions)],
        check=True,
    )  # fmt: skip
    environment = os.environ | {
        "TESSERA_DATA": str(folder / "tessera"), "OMP_NUM_THREADS": str(options.threads),
        "TESSERA_THREADS": str(options.threads),
        **{f"nnUNet_{kind}": str(folder) for kind in ("raw", "preprocessed", "results")},
    }  # fmt: skip
    mirroring = ["--no-mirroring"] if options.no_mirroring else []
    subprocess.run(
        [TESSERA, "models", "import", folder / "results", "--name", MODEL, *mirroring],
        check=True, env=environment,
    )  # fmt: skip
    commands = {name: command(name, folder, options) for name in (NNUNET, FP32, BF16)}
    commands = {name: commands[name] for name in commands if name in options.only}
    for name in commands:
        if name != NNUNET and not options.cold:
            run(commands[name], environment, folder / "log.txt")
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for _ in range(options.runs):
        for name in commands:
            runs[name].append(run(commands[name], environment, folder / "log.txt"))
            print(name, runs[name][-1], file=sys.stderr, flush=True)
    rows = [row(name, runs[name], folder) for name in commands]
    for one in rows:
        print(one)
    if options.json:
        facts = {name: getattr(options, name) for name in ("grid", "patch", "features", "classes")}
        save(options.json, rows, runs=options.runs, versions=used(options.nnunet), **facts)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="is emptied")
    parser.add_argument("--nnunet", type=Path, required=True)
    parser.add_argument("--grid", type=int, nargs=3, default=[144, 144, 144])
    parser.add_argument("--patch", type=int, nargs=3, default=[96, 96, 96])
    parser.add_argument("--features", type=int, nargs="+", default=[32, 64, 128, 256, 320])
    parser.add_argument("--convolutions", type=int, default=2, help="per stage")
    parser.add_argument("--classes", type=int, default=3, help="with background")
    parser.add_argument("--no-mirroring", action="store_true", help="for both")
    parser.add_argument("--cold", action="store_true", help="no run before, for memory")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", nargs="+", default=[NNUNET, FP32, BF16])
    parser.add_argument("--json", type=Path, help="file for the results")
    return parser.parse_args()


def command(name: str, folder: Path, options: argparse.Namespace) -> list[str]:
    """What a contender runs."""
    scan, out = folder / "scans" / "case_0000.nii.gz", mask_of(name, folder)
    out.parent.mkdir(parents=True, exist_ok=True)
    if name == NNUNET:
        (model,) = (folder / "results").glob("*/*")
        parts = [
            options.nnunet.with_name("nnUNetv2_predict_from_modelfolder"), "-i", scan.parent,
            "-o", out.parent, "-m", model, "-device", "cpu", "-npp", "1", "-nps", "1", "-f", "0",
            *(["--disable_tta"] if options.no_mirroring else []),
        ]  # fmt: skip
    elif name == FP32:
        parts = [TESSERA, "segment", "--model", MODEL, "--precision", "fp32"]
        parts += [scan, "--out", out]
    else:
        parts = [sys.executable, "-P", HERE / "unchecked.py", MODEL, out, f"ct={scan}"]
    return [*map(str, parts)]


def mask_of(name: str, folder: Path) -> Path:
    """The file that a contender writes."""
    return folder / "masks" / name.replace(", ", "-") / "case.nii.gz"


def row(name: str, runs: list[Run], folder: Path) -> dict[str, Any]:
    """Medians; the share of voxels that have the label of nnU-Net, if it ran."""
    values = {
        "name": name,
        "seconds": round(median(one.seconds for one in runs), 2),
        "cpu_seconds": round(median(one.processor_seconds for one in runs), 2),
        "peak_mb": round(max(one.peak_bytes for one in runs) / 1e6),
    }
    home, own = mask_of(NNUNET, folder), mask_of(name, folder)
    if home.exists():
        masks = [SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(p))) for p in (home, own)]
        values["equal"] = round(float((masks[0] == masks[1]).mean()), 6)
    return values


def used(nnunet: Path) -> dict[str, str]:
    """Versions in both environments; torch's is the same."""
    text = subprocess.run(
        [nnunet, "-c", "from importlib.metadata import version; print(version('nnunetv2'))"],
        check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return versions() | {"nnunetv2": text.stdout.strip()}


if __name__ == "__main__":
    main()
