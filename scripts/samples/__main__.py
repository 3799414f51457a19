"""Draws the samples of the zoo: images in which every label of a network occurs.

    python -m scripts.samples [--out models/zoo]

They are drawn by this code alone, so that they can be in the repository and in the wheel, and a new
installation can check its precision without further packages.
"""

import argparse
from pathlib import Path

from scripts.samples.brain import head, left_hippocampus
from scripts.samples.membranes import membranes
from scripts.samples.nuclei import nuclei

DRAWINGS = {
    "brain-mri-3d/sample.nii.gz": head,
    "hippocampus-mri-3d/sample.nii.gz": left_hippocampus,
    "em-membrane-2d/sample.png": membranes,
    "nuclei-2d/sample.png": nuclei,
}
"""File, relative to the zoo -> function that draws it into a path."""


def main() -> None:
    """Writes all samples."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("models/zoo"), help="folder of the models")
    out = parser.parse_args().out
    for name, draw in DRAWINGS.items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        draw(path)


if __name__ == "__main__":
    main()
