"""Collects the wheels for benchmarks/gpu/run.py, on a machine that reaches a package index.

    python -P benchmarks/gpu/collect.py OUT [--python 3.12] [--also torch ...] [--files FILE ...]

Writes OUT/wheels for Linux on x86-64 and the given Python, and OUT/pieces: the same in files of at
most 64 MiB. torch with CUDA is often installed on a machine with a GPU; if not, --also downloads it
with all that it requires. The libraries of TensorRT are not wheels on the package index: --files
adds wheels that were downloaded from their maker.
"""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE))

from pieces import split  # noqa: E402

LOCK = HERE.parents[1] / "requirements" / "serving-gpu.txt"
GLIBC = ("2_17", "2_24", "2_26", "2_27", "2_28", "2_31", "2_34")
"""Versions of the C library for which wheels are accepted."""
TOOLS = ("pytest>=8.3", "pytest-timeout>=2.3", "einops>=0.8")
"""For the tests, and for networks in torch."""
NNUNET = (
    *("blosc2", "imagecodecs", "nibabel", "pandas", "requests", "scikit-image", "scikit-learn"),
    *("scipy", "seaborn", "SimpleITK", "tqdm", "yacs", "graphviz", "future", "matplotlib"),
    "connected-components-3d",
)
"""What nnU-Net imports besides torch, as wheels."""
BUILT = (
    *("nnunetv2==2.8.1", "acvl-utils", "batchgenerators", "batchgeneratorsv2"),
    *("dynamic-network-architectures", "timm<1.0.23"),
)
"""nnU-Net itself, and what requires torch: pure Python, mostly published as source alone."""


def main() -> None:
    """Downloads the wheels and splits them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--python", default="3.12", help="Python of the machine with the GPU")
    parser.add_argument("--also", nargs="+", default=[], help="further packages")
    parser.add_argument("--files", nargs="+", type=Path, default=[], help="further wheels")
    options = parser.parse_args()
    wheels, pieces = options.out / "wheels", options.out / "pieces"
    if wheels.exists() or pieces.exists():
        raise SystemExit(f"{options.out} contains wheels or pieces. Name an empty folder.")
    target = target_options(options.python)
    locked = [*target, "--no-deps", "--require-hashes", "--requirement", LOCK]
    pip("download", wheels, *locked)
    constraints = options.out / "constraints.txt"
    constraints.write_text("\n".join(pins(wheels)) + "\n")
    pip("download", wheels, *target, "--constraint", constraints, *TOOLS, *NNUNET, *options.also)
    pip("wheel", wheels, "--no-deps", *BUILT)
    for file in options.files:
        shutil.copy(file, wheels)
    written = split(wheels, pieces)
    count, size = len(list(wheels.iterdir())), sum(piece.stat().st_size for piece in written)
    print(f"{count} wheels, {size / 1e6:.0f} MB, in {len(written)} pieces: {pieces}")


def target_options(python: str) -> list[str]:
    """pip's options for wheels of another machine."""
    platforms = [f"manylinux_{version}_x86_64" for version in GLIBC]
    platforms += ["manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64"]
    chosen = [word for platform in platforms for word in ("--platform", platform)]
    return ["--only-binary=:all:", "--implementation=cp", f"--python-version={python}", *chosen]


def pins(wheels: Path) -> list[str]:
    """`name==version` of each wheel, so that no second version of it is downloaded."""
    names = (wheel.name.split("-")[:2] for wheel in sorted(wheels.glob("*.whl")))
    return [f"{name}=={version}" for name, version in names]


def pip(action: str, wheels: Path, *arguments: str | Path) -> None:
    """Runs pip; its messages are printed."""
    folder: Sequence[str | Path] = ("--dest" if action == "download" else "--wheel-dir", wheels)
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", action, "--quiet"]
    subprocess.run([*command, *folder, *arguments], check=True)


if __name__ == "__main__":
    main()
