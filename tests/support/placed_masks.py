"""Where the labels of a mask file lie in the world, as other libraries read it.

`READERS` has an entry for each mask format of volumes in the registry; a test fails for a format
without one.
"""

from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import highdicom as hd
import nibabel as nib
import nrrd
import numpy as np
import SimpleITK as sitk  # noqa: N813 - the name that its users know
import zarr
from numpy.typing import NDArray
from pydicom import dcmread

from tests.support.placed_scans import TO_LPS

Centroids = dict[int, NDArray[np.float64]]
"""Label number -> the mean of its voxels' centres, in RAS+ mm."""
Reader = Callable[[Path], Centroids]


def centroids(values: NDArray[Any], affine: NDArray[np.float64]) -> Centroids:
    """`affine`: voxel index -> RAS+ mm."""
    return {
        int(label): affine[:3, :3] @ np.argwhere(values == label).mean(axis=0) + affine[:3, 3]
        for label in np.unique(values[values > 0])
    }


def _nibabel(path: Path) -> Centroids:
    image: Any = nib.load(path)
    return centroids(np.asarray(image.dataobj), image.affine)


def _simpleitk(path: Path) -> Centroids:
    shapes = sitk.LabelShapeStatisticsImageFilter()
    shapes.Execute(sitk.ReadImage(str(path)))
    return {n: TO_LPS[:3, :3] @ np.array(shapes.GetCentroid(n)) for n in shapes.GetLabels()}


def _pynrrd(path: Path) -> Centroids:
    values, header = nrrd.read(str(path))
    affine = np.eye(4)
    affine[:3, :3] = np.array(header["space directions"]).T
    affine[:3, 3] = header["space origin"]
    lps = header["space"] == "left-posterior-superior"
    assert lps or header["space"] == "right-anterior-superior"
    return centroids(values, TO_LPS @ affine if lps else affine)


def _highdicom(path: Path) -> Centroids:
    volume = hd.seg.segread(path).get_volume(combine_segments=True)
    return centroids(volume.array, TO_LPS @ volume.affine)


_ALONG = {"left-to-right": (0, 1), "posterior-to-anterior": (1, 1), "inferior-to-superior": (2, 1)}
_AGAINST = {
    "right-to-left": (0, -1), "anterior-to-posterior": (1, -1), "superior-to-inferior": (2, -1),
}  # fmt: skip


def _zarr(path: Path) -> Centroids:
    """NGFF 0.4 by its text: scale, then translation, along the orientations of RFC-4."""
    group = zarr.open_group(path, mode="r")
    attributes: Any = group.attrs["multiscales"]
    (image,) = attributes
    scale, *rest = image["datasets"][0]["coordinateTransformations"]
    first = rest[0]["translation"] if rest else [0.0, 0.0, 0.0]
    affine = np.zeros((4, 4))
    for axis, entry in enumerate(image["axes"]):
        assert entry["unit"] == "millimeter"
        world, sign = (_ALONG | _AGAINST)[entry["orientation"]["value"]]
        affine[world, axis] = sign * scale["scale"][axis]
        affine[world, 3] = sign * first[axis]
    array: Any = group[image["datasets"][0]["path"]]
    return centroids(array[...], affine)


def _rtstruct(path: Path) -> Centroids:
    """The centre of the area inside each contour; all contours of a label have the same area."""
    structures = dcmread(path)
    return {
        int(item.ReferencedROINumber): TO_LPS[:3, :3]
        @ np.mean([_centre(np.reshape(c.ContourData, (-1, 3))) for c in item.ContourSequence], 0)
        for item in structures.ROIContourSequence
    }


def _centre(contour: NDArray[Any]) -> NDArray[np.float64]:
    """Of the area inside a flat polygon (n, 3), from triangles at its first point."""
    points = contour.astype(float) - contour[0].astype(float)
    pairs = list(pairwise(points[1:]))
    crosses = np.array([np.cross(a, b) for a, b in pairs])
    areas = crosses @ (crosses.sum(0) / np.linalg.norm(crosses.sum(0)))
    centres = np.array([(a + b) / 3 for a, b in pairs])
    middle: NDArray[np.float64] = contour[0].astype(float) + areas @ centres / areas.sum()
    return middle


READERS: Mapping[str, tuple[Reader, ...]] = {
    "nifti": (_nibabel, _simpleitk),
    "ome-zarr": (_zarr,),
    "nrrd": (_simpleitk, _pynrrd),
    "metaimage": (_simpleitk,),
    "mgh": (_nibabel,),
    "dicom-seg": (_highdicom,),
    "dicom-labelmap": (_highdicom,),
    "dicom-rtstruct": (_rtstruct,),
}
"""Mask format -> independent readers of it."""
