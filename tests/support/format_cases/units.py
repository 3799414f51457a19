"""Units of length: each file has voxels of 0.4 mm; the factors are those of the definitions."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import nrrd
import numpy as np
import tifffile
import zarr

from imaging.scan import Scan
from tests.support import tiff_files
from tests.support.dicom.files import classic, write
from tests.support.format_cases.case import FormatCase
from tests.support.format_cases.checks import spacing_is
from tests.support.format_cases.readers import by_simpleitk
from tests.support.placed_scans import itk

SIZE_MM = 0.4
VOXELS = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
PIXELS = np.arange(20, dtype=np.uint8).reshape(4, 5)
_HAND = "the definition's factor"


def _affine(size: float) -> np.ndarray:
    return np.diag([size, size, size, 1.0])


def _nifti(code: int, size: float) -> Callable[[Path], Path]:
    def write_file(folder: Path) -> Path:
        image = nib.Nifti1Image(VOXELS, _affine(size))
        image.header["xyzt_units"] = code
        nib.save(image, folder / "a.nii")
        return folder / "a.nii"

    return write_file


def _as_itk_reads(scan: Scan, path: Path) -> None:
    """ITK converts units, too."""
    _, affine = by_simpleitk(path)
    assert np.allclose(scan.affine, affine, rtol=1e-5)
    spacing_is(*[SIZE_MM] * 3)(scan, path)


def _nrrd(unit: str | None, size: float) -> Callable[[Path], Path]:
    def write_file(folder: Path) -> Path:
        header: dict[str, Any] = {
            "space": "left-posterior-superior",
            "space directions": np.eye(3) * size,
            "space origin": np.zeros(3),
        }
        if unit is not None:
            header["space units"] = [unit] * 3
        nrrd.write(str(folder / "a.nrrd"), VOXELS, header)
        return folder / "a.nrrd"

    return write_file


def _metaimage(unit: str | None, size: float) -> Callable[[Path], Path]:
    def write_file(folder: Path) -> Path:
        path = itk(folder, VOXELS, _affine(size), ".mha")
        if unit is not None:
            data = path.read_bytes()
            path.write_bytes(data.replace(b"NDims", f"DistanceUnits = {unit}\nNDims".encode(), 1))
        return path

    return write_file


def _mgh(folder: Path) -> Path:
    nib.save(nib.MGHImage(VOXELS, _affine(SIZE_MM)), folder / "a.mgz")
    return folder / "a.mgz"


def _dicom(folder: Path) -> Path:
    write(classic(VOXELS, _affine(SIZE_MM)), folder)
    return folder


def _ome_zarr(units: Sequence[str | None], sizes: list[float]) -> Callable[[Path], Path]:
    def write_file(folder: Path) -> Path:
        group = zarr.open_group(folder / "a.zarr", mode="w", zarr_format=2)
        array = group.create_array("0", shape=VOXELS.shape, dtype=VOXELS.dtype)
        array[...] = VOXELS
        axes: Any = [
            {"name": name, "type": "space"} | ({"unit": unit} if unit else {})
            for name, unit in zip("zyx", units, strict=True)
        ]
        dataset: Any = {
            "path": "0",
            "coordinateTransformations": [{"type": "scale", "scale": sizes}],
        }
        group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": [dataset]}]
        return folder / "a.zarr"

    return write_file


def _ome_tiff(unit: str | None, size: float) -> Callable[[Path], Path]:
    def write_file(folder: Path) -> Path:
        facts: dict[str, Any] = {"axes": "YX", "PhysicalSizeX": size, "PhysicalSizeY": size}
        if unit is not None:
            facts |= {"PhysicalSizeXUnit": unit, "PhysicalSizeYUnit": unit}
        tifffile.imwrite(folder / "a.ome.tif", PIXELS, metadata=facts)
        return folder / "a.ome.tif"

    return write_file


def _tiff(per_unit: tuple[int, int], unit: int, text: str = "") -> Callable[[Path], Path]:
    def write_file(folder: Path) -> Path:
        tags: dict[str, Any] = {"tag_282": [per_unit], "tag_283": [per_unit], "tag_296": unit}
        tags |= {"tag_270": text} if text else {}
        page = tiff_files.page(PIXELS, 8, 1, **tags)
        (folder / "a.tif").write_bytes(tiff_files.tiff(page))
        return folder / "a.tif"

    return write_file


_VOLUME, _IMAGE = spacing_is(*[SIZE_MM] * 3), spacing_is(*[SIZE_MM] * 2)
UNITS = [
    *(
        FormatCase(
            format="nifti", kind="`xyzt_units`", variant=variant, write=_nifti(code, size),
            oracle="SimpleITK", check=_as_itk_reads,
        )
        for variant, code, size in (
            ("millimetre", 2, 0.4), ("metre", 1, 4e-4), ("micrometre", 3, 400.0),
            ("none", 0, 0.4), ("a unit of time only", 8, 0.4),
        )
    ),
    *(
        FormatCase(
            format="nrrd", kind="`space units`", variant=variant or "none",
            write=_nrrd(variant, size), oracle=_HAND, check=_VOLUME,
        )
        for variant, size in (
            ("mm", 0.4), ("m", 4e-4), ("cm", 0.04), ("um", 400.0), ("microns", 400.0),
            (None, 0.4), ("s", 0.4),
        )
    ),
    *(
        FormatCase(
            format="metaimage", kind="`DistanceUnits`", variant=variant or "none",
            write=_metaimage(variant, size), oracle=_HAND, check=_VOLUME,
        )
        for variant, size in (
            ("mm", 0.4), (None, 0.4), ("cm", 0.04), ("um", 400.0), ("furlong", 0.4),
        )
    ),
    FormatCase(
        format="mgh", kind="always millimetres", write=_mgh, oracle="nibabel", check=_VOLUME,
    ),
    FormatCase(
        format="dicom", kind="always millimetres", write=_dicom, oracle=_HAND, check=_VOLUME,
    ),
    *(
        FormatCase(
            format="ome-zarr", kind="`unit` of the axes", variant=variant,
            write=_ome_zarr(units, sizes), oracle=_HAND, check=_VOLUME,
        )
        for variant, units, sizes in (
            ("millimeter", ["millimeter"] * 3, [0.4] * 3),
            ("meter", ["meter"] * 3, [4e-4] * 3),
            ("micrometer", ["micrometer"] * 3, [400.0] * 3),
            ("nanometer", ["nanometer"] * 3, [4e5] * 3),
            ("inch", ["inch"] * 3, [0.4 / 25.4] * 3),
            ("a different one for each axis", ["meter", "micrometer", "millimeter"],
             [4e-4, 400.0, 0.4]),
            ("none for one axis", ["micrometer", "micrometer", None], [400.0] * 3),
            ("none", [None] * 3, [0.4] * 3),
            ("second", ["second"] * 3, [0.4] * 3),
        )
    ),
    *(
        FormatCase(
            format="tiff", kind="`PhysicalSizeXUnit` of OME-XML", variant=variant or "none",
            write=_ome_tiff(variant, size), oracle=_HAND, check=_IMAGE,
        )
        for variant, size in (
            ("mm", 0.4), ("m", 4e-4), ("\u00b5m", 400.0), ("nm", 4e5), ("in", 0.4 / 25.4),
            (None, 400.0),
        )
    ),
    FormatCase(
        format="tiff", kind="`PhysicalSizeXUnit` of OME-XML", variant="pixel",
        write=_ome_tiff("pixel", 0.4), oracle=_HAND, check=spacing_is(),
    ),
    *(
        FormatCase(
            format="tiff", kind="`unit` of ImageJ", variant=unit, oracle=_HAND, check=_IMAGE,
            write=_tiff(per_unit, 1, f"ImageJ=1.54f\nunit={unit}\n"),
        )
        for unit, per_unit in (("mm", (5, 2)), ("micron", (1, 400)), ("inch", (127, 2)))
    ),
    *(
        FormatCase(
            format="tiff", kind="`ResolutionUnit`", variant=variant, oracle=_HAND, check=check,
            write=_tiff(per_unit, code),
        )
        for variant, code, per_unit, check in (
            ("centimetre", 3, (25, 1), _IMAGE), ("inch", 2, (127, 2), _IMAGE),
            ("none", 1, (5, 2), spacing_is()), ("72 per inch", 2, (72, 1), spacing_is()),
        )
    ),
]  # fmt: skip
