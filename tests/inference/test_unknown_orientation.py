"""Scans that do not say left from right: the report says so, whatever format the mask has."""

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import nrrd
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - the name that its users know
import tifffile
from nibabel.freesurfer.mghformat import MGHImage
from numpy.typing import NDArray

from imaging.formats import mask_file
from imaging.formats.sniff import open_scan
from inference.engine import Engine
from inference.options import RunOptions
from models.nets.config import UNetConfig
from models.registry import Model, Registry

CONFIG = UNetConfig.of_widths((4, 6), dimension=3, out_channels=3, padding="same", batch_norm=True)
VALUES = np.random.default_rng(4).normal(100, 30, (12, 10, 8)).astype(np.float32)


def _nifti(path: Path) -> None:
    image = nib.Nifti1Image(VALUES, None)
    image.set_sform(np.eye(4), 0)
    image.set_qform(np.eye(4), 0)
    image.to_filename(path)


def _nrrd(path: Path) -> None:
    nrrd.write(str(path), VALUES, {"spacings": [1.0, 2.0, 3.0]})


def _mgh(path: Path) -> None:
    content = bytearray(MGHImage(VALUES, np.eye(4)).to_bytes())
    content[28:30] = bytes(2)
    path.write_bytes(content)


def _metaimage(path: Path) -> None:
    sitk.WriteImage(sitk.GetImageFromArray(VALUES.T), str(path))
    lines = path.read_bytes().split(b"\n", 12)
    path.write_bytes(b"\n".join(one for one in lines if not one.startswith(b"TransformMatrix")))


def _tiff(path: Path) -> None:
    tifffile.imwrite(path, VALUES, imagej=True, metadata={"axes": "ZYX"})


WRITERS: dict[str, Callable[[Path], None]] = {
    "nii": _nifti,
    "nrrd": _nrrd,
    "mgh": _mgh,
    "mha": _metaimage,
    "tif": _tiff,
}


def labels(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    values = np.zeros(shape, np.uint8)
    values[2:5, 3:6, 2:5] = 1
    return values


@pytest.mark.slow
@pytest.mark.parametrize("ending", WRITERS)
def test_the_report_warns(tmp_path: Path, make_model: Callable[..., Model], ending: str) -> None:
    model, path = make_model("unoriented", CONFIG), tmp_path / f"scan.{ending}"
    WRITERS[ending](path)
    engine = Engine(Registry(model.folder.parent, zoo=model.folder / "none"), device="cpu")
    mask = tmp_path / "mask.nii.gz"
    mask_file.write(mask, labels(VALUES.shape), open_scan(path))
    for options in (RunOptions(), RunOptions(mask="crop"), RunOptions(mask="start")):
        scans = {"image": path} | ({} if options.mask is None else {"mask": mask})
        made = engine.segment(scans, model.card.name, tmp_path / str(options.mask), options)
        assert sum("left and right may be swapped" in one for one in made.report["warnings"]) == 1
