"""Other people's DICOM programs, as judges."""

import shutil
import subprocess
import sys
from pathlib import Path

import nrrd
import numpy as np
import pytest
from numpy.typing import NDArray


def faults(path: Path) -> list[str]:
    """What dciodvfy, of Debian's dicom3tools, calls an error."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("no dciodvfy on the PATH: apt-get install dicom3tools")
    done = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, timeout=60)
    assert done.stdout + done.stderr
    return [line for line in (done.stdout + done.stderr).splitlines() if "Error" in line]


def itk_image(path: Path, folder: Path) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """A SEG as dcmqi reads it: its numbers (i, j, k), and the affine to RAS+ mm."""
    program = Path(sys.executable).parent / "segimage2itkimage"
    if not program.is_file():
        pytest.skip("no segimage2itkimage beside this Python: pip install dcmqi")
    folder.mkdir()
    subprocess.run(
        [program, "--inputDICOM", path, "--outputDirectory", folder, "-t", "nrrd",
         "--mergeSegments"],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    (made,) = folder.glob("*.nrrd")
    numbers, header = nrrd.read(str(made))
    affine = np.eye(4)
    affine[:3, :3] = np.array(header["space directions"]).T
    affine[:3, 3] = header["space origin"]
    assert header["space"] == "left-posterior-superior"
    return numbers.astype(np.int64), np.diag([-1, -1, 1, 1]) @ affine


def in_world(numbers: NDArray[np.integer], affine: NDArray[np.float64]) -> set[tuple[int, ...]]:
    """Every labelled voxel: where its middle lies, in hundredths of a mm, and its number."""
    voxels = np.argwhere(numbers)
    places = voxels @ affine[:3, :3].T + affine[:3, 3]
    return {
        (*np.round(place * 100).astype(int).tolist(), int(numbers[tuple(voxel)]))
        for place, voxel in zip(places, voxels, strict=True)
    }
