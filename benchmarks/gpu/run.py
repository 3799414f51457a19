"""Everything that a borrowed machine with a GPU can answer, in less than eight minutes.

    python -P benchmarks/gpu/run.py OUT [--pieces FOLDER] [--device cuda] [--edge 160]

Run it in Tessera's source folder, with the Python that the machine has. It installs the wheels that
benchmarks/gpu/collect.py collected into a temporary folder, without network; packages that the
machine has, such as torch, stay usable. Then it runs the tests marked `gpu`, and times Tessera
(CUDA and TensorRT), torch (autocast, channels last) and nnU-Net's predictor on one volume, with the
same network. Each step has a time limit, and one that fails does not stop the next. OUT receives
results.json and log.txt, both up to date after every step.

Without a GPU, --device cpu runs the same steps on the processor, to try the script.
"""

import argparse
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.append(str(HERE))

from pieces import join  # noqa: E402
from steps import Step, run_steps  # noqa: E402

TOTAL_S = 440.0
"""Time for all steps together, in seconds."""
RUNS = 5
GPU_FACTS = (
    "nvidia-smi", "--query-gpu=name,memory.total,driver_version,clocks.max.sm", "--format=csv",
)  # fmt: skip
PIP = ("-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-compile")


def main() -> None:
    """Runs all steps; the exit status is 0 if all passed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--pieces", type=Path, help="from collect.py; none: nothing is installed")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--edge", type=int, default=160, help="voxels per axis of the volume")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--total", type=float, default=TOTAL_S, help="seconds for all steps")
    parser.add_argument("--only", nargs="+", default=[""], help="parts of the names of steps")
    parser.add_argument("--install", nargs=2, type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--case", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.install:
        install(*options.install)
        return
    if options.case:
        write_case(Path(options.case[0]), int(options.case[1]))
        return
    with TemporaryDirectory() as work:
        site = Path(work) / "site"
        steps = steps_of(options, Path(work), site)
        chosen = (step for step in steps if any(part in step.name for part in options.only))
        facts = {"device": options.device, "edge": options.edge}
        environment = partial(environment_of, site)
        outcomes = run_steps(chosen, options.out, environment, options.total, facts)
    sys.exit(any(outcome.outcome != "passed" for outcome in outcomes))


def steps_of(options: argparse.Namespace, work: Path, site: Path) -> Iterator[Step]:
    """All steps, in their order; each is created after the one before has ended."""
    script, case = [sys.executable, "-P", Path(__file__).resolve()], work / "case"
    if options.pieces:
        yield Step("environment", [*script, work, "--install", options.pieces, site], 120)
    if options.device == "cuda":
        yield Step("machine", GPU_FACTS, 15)
        tests = [
            "-m",
            "pytest",
            "tests/gpu",
            "-m",
            "gpu",
            "-W",
            "default",
            "-p",
            "no:cacheprovider",
        ]
        alone = ["--confcutdir", "tests/gpu", "-p", "tests.support.markers"]
        yield Step("tests", [sys.executable, "-P", *tests, *alone], 120)
    edge = str(options.edge)
    yield Step("case", [*script, work, "--case", case, edge], 60)
    sys.path.append(str(site))  # numpy may have been installed by the first step
    from contenders import CONTENDERS

    command = [sys.executable, "-P", HERE / "contenders.py"]
    for name in CONTENDERS:
        limit_s = 90 if "TensorRT" in name else 45  # TensorRT compiles for long
        yield Step(name, [*command, name, case, str(options.runs), options.device], limit_s)


def environment_of(site: Path) -> dict[str, str]:
    """Variables with which the steps find Tessera, the installed wheels and the CUDA libraries."""
    folders = [site, Path(sysconfig.get_path("purelib"))]
    patterns = ("nvidia/*/lib", "tensorrt_libs")
    libraries = [str(path) for folder in folders for p in patterns for path in folder.glob(p)]
    present = os.environ.get("LD_LIBRARY_PATH", "")
    return os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(site)]),
        "LD_LIBRARY_PATH": os.pathsep.join([*libraries, *filter(None, [present])]),
        "CI": "true",  # without a usable GPU its tests are deselected, so that the step fails
    }


def install(pieces: Path, site: Path) -> None:
    """Installs all wheels into the folder `site`, without network."""
    with TemporaryDirectory() as folder:
        join(pieces, Path(folder))
        wheels = sorted(Path(folder).glob("*.whl"))
        subprocess.run([sys.executable, *PIP, "--target", site, *wheels], check=True)


def write_case(folder: Path, edge: int) -> None:
    """Writes the network and the volume that all contenders segment."""
    sys.path.append(str(HERE.parent / "peers"))
    from network import CASES, prepare

    name, _ = CASES[3]
    prepare(folder, name, (edge,) * 3)


if __name__ == "__main__":
    main()
