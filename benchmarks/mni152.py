"""Compares brain-mri-3d with the MNI152 template's own maps: Dice of grey and white matter.

    python -P benchmarks/mni152.py [--precision fp32] [--preview FILE.png]

The template (197 x 233 x 189, 1 mm, skull-stripped) and its maps are part of the package nilearn. A
map is thresholded at one half. The maps distinguish only grey and white matter, so each line states
which of the model's labels are compared with them.
"""

import argparse
import tempfile
from pathlib import Path

import nibabel
import nilearn
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from imaging.metrics import dice
from inference.engine import Engine
from inference.options import RunOptions
from inference.runtime_registry import PRECISIONS
from models.registry import Registry

MODEL = "brain-mri-3d"
GREY, WHITE, CEREBELLUM, DEEP, HIPPOCAMPI = 1, 2, 4, 6, 7
FOLDER = Path(nilearn.__file__).parent / "datasets" / "data"


def main() -> None:
    """Segments the template and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preview", type=Path, help="file for the preview")
    parser.add_argument("--precision", choices=PRECISIONS, default="auto")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scan = Path(folder) / "mni152.nii.gz"
        scan.symlink_to(named("t1"))
        chosen = RunOptions(precision=options.precision)
        outcome = Engine(Registry()).segment({"mri": scan}, MODEL, Path(folder), chosen)
        mask = np.asarray(nibabel.load(outcome.mask).dataobj)
        if options.preview:
            options.preview.write_bytes(outcome.preview.read_bytes())
    grey, white = over_half("gm"), over_half("wm")
    cerebrum = mask != CEREBELLUM
    rows = (
        ("grey matter", np.isin(mask, (GREY,)), grey),
        ("grey, deep nuclei and hippocampi", np.isin(mask, (GREY, DEEP, HIPPOCAMPI)), grey),
        (
            "the same, without cerebellum",
            np.isin(mask, (GREY, DEEP, HIPPOCAMPI)),
            grey & cerebrum,
        ),
        ("white matter", mask == WHITE, white),
        ("the same, without cerebellum", mask == WHITE, white & cerebrum),
    )
    table = Table("labels", "Dice", "mask, ml", "map, ml", box=None)
    for name, predicted, reference in rows:
        figures = (
            f"{dice(predicted, reference):.4f}",
            f"{predicted.sum() / 1e3:.0f}",
            f"{reference.sum() / 1e3:.0f}",
        )
        table.add_row(name, *figures)
    Console().print(table)
    print(f"precision: {outcome.report['precision']}")
    print(f"brain: {(mask > 0).sum() / 1e6:.2f} litres")


def named(kind: str) -> Path:
    """The package's file of this kind."""
    (path,) = FOLDER.glob(f"mni_icbm152_{kind}_*.nii.gz")
    return path


def over_half(kind: str) -> NDArray[np.bool_]:
    """Where the map, with values from 0 to 255, is above one half."""
    return np.asarray(np.asarray(nibabel.load(named(kind)).dataobj) > 127.5)


if __name__ == "__main__":
    main()
