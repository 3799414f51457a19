"""brain-mri-3d against the MNI152 template's own maps: Dice of grey and of white matter.

    python -P benchmarks/mni152.py [--picture FILE.png]

The template (197 x 233 x 189, 1 mm, the brain alone) and its maps are those that the package
nilearn carries; a map counts where it is over one half. The maps know grey and white matter only,
so each line says which of the model's labels stand for them.
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
from models.registry import Registry

MODEL = "brain-mri-3d"
GREY, WHITE, CEREBELLUM, DEEP, HIPPOCAMPI = 1, 2, 4, 6, 7
FOLDER = Path(nilearn.__file__).parent / "datasets" / "data"


def main() -> None:
    """Segments the template and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--picture", type=Path, help="where to write the preview")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scan = Path(folder) / "mni152.nii.gz"
        scan.symlink_to(named("t1"))
        made = Engine(Registry()).segment({"mri": scan}, MODEL, Path(folder))
        mask = np.asarray(nibabel.load(made.mask).dataobj)
        if options.picture:
            options.picture.write_bytes(made.preview.read_bytes())
    grey, white = over_half("gm"), over_half("wm")
    cerebrum = mask != CEREBELLUM
    rows = (
        ("grey matter", np.isin(mask, (GREY,)), grey),
        ("grey, deep nuclei and hippocampi", np.isin(mask, (GREY, DEEP, HIPPOCAMPI)), grey),
        (
            "the same, the cerebellum left out",
            np.isin(mask, (GREY, DEEP, HIPPOCAMPI)),
            grey & cerebrum,
        ),
        ("white matter", mask == WHITE, white),
        ("the same, the cerebellum left out", mask == WHITE, white & cerebrum),
    )
    table = Table("labels", "Dice", "found, ml", "map, ml", box=None)
    for name, found, reference in rows:
        figures = (
            f"{dice(found, reference):.4f}",
            f"{found.sum() / 1e3:.0f}",
            f"{reference.sum() / 1e3:.0f}",
        )
        table.add_row(name, *figures)
    Console().print(table)
    print(f"brain: {(mask > 0).sum() / 1e6:.2f} litres")


def named(kind: str) -> Path:
    """The package's file of that kind."""
    (found,) = FOLDER.glob(f"mni_icbm152_{kind}_*.nii.gz")
    return found


def over_half(kind: str) -> NDArray[np.bool_]:
    """Where the map of 0 to 255 is over one half."""
    return np.asarray(np.asarray(nibabel.load(named(kind)).dataobj) > 127.5)


if __name__ == "__main__":
    main()
