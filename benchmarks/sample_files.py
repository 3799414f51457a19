"""Files to segment: of a folder of data sets where there is one, else of the shipped samples."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

import nibabel
import numpy as np
from PIL import Image

ZOO = Path(__file__).resolve().parent.parent / "models" / "zoo"


@dataclass(frozen=True)
class Kind:
    """Scans of one kind, and the model that segments them."""

    model: str
    channel: str
    pattern: str
    """Where a folder of data sets has them."""
    sample: str
    """A file in the model's folder."""


KINDS = {
    "images": Kind("nuclei-2d", "image", "nuclei/images/*.png", "sample.png"),
    "crops": Kind("hippocampus-mri-3d", "t1", "hippocampus/images/*.nii.gz", "sample.nii.gz"),
}


def write_files(kind: Kind, data: Path | None, number: int, folder: Path) -> list[Path]:
    """This many files, no two of which are equal.

    `data`: a folder of data sets. Where it has too few files, or none, they are repeated, shifted
    by one voxel each time.
    """
    folder.mkdir(parents=True)
    sources = sorted(data.glob(kind.pattern)) if data else []
    sources = sources or [ZOO / kind.model / kind.sample]
    written = []
    for n, (source, shift) in enumerate(islice(_variants(sources), number)):
        target = folder / f"{n}{''.join(source.suffixes)}"
        _write_shifted(source, shift, target)
        written.append(target)
    return written


def _variants(sources: Sequence[Path]) -> Iterator[tuple[Path, int]]:
    for shift in count():
        for source in sources:
            yield source, shift


def _write_shifted(source: Path, shift: int, target: Path) -> None:
    if not shift:
        target.write_bytes(source.read_bytes())
    elif source.suffix == ".png":
        with Image.open(source) as image:
            Image.fromarray(np.roll(np.asarray(image), shift, 0)).save(target)
    else:
        scan = nibabel.load(source)
        voxels = np.roll(np.asanyarray(scan.dataobj), shift, 0)
        nibabel.save(nibabel.Nifti1Image(voxels, scan.affine), target)
