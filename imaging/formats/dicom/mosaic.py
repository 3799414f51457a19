"""Packed images: every slice of a volume as a tile of one image.

Siemens MR scanners store a volume of a functional or diffusion series in this way (ImageType has
MOSAIC). The tiles fill a square, row by row:

    0 1 2
    3 4 5      7 slices: 3 x 3 tiles, of which the last two are empty
    6 . .
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isqrt

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.uid import MRImageStorage

from imaging.errors import UnreadableScan, UnsupportedScan
from imaging.formats.dicom.csa_header import (
    CSA_CREATOR,
    CSA_ELEMENT,
    CsaHeader,
    csa_headers,
    encoded_csa,
)
from imaging.formats.dicom.instance import image_kinds
from imaging.formats.dicom.plane_geometry import PlaneGeometry
from imaging.formats.dicom.tile import Tile

UIH_GRID = (0x00651050, 0x00651051)
"""Private elements of United Imaging: number of images in a grid, and their sequence."""
MOSAIC_COUNT = (0x00190010, 0x0019100A)
"""Private elements of Siemens: their creator, and the number of images in the mosaic. They remain
where a program has replaced ImageType."""
_COUNT_CREATOR = "SIEMENS MR HEADER"
_MOSAIC = "MOSAIC"
_MOST_SLICES = 4096
_PARALLEL = 0.99
"""Least cosine between the normal that the CSA header states and that of the image."""


@dataclass(frozen=True, slots=True, eq=False)
class Mosaic:
    """The slices of a Siemens mosaic."""

    count: int
    """Number of slices."""
    normal: NDArray[np.float64]
    """(3,): unit vector from each slice to the next, LPS+."""

    @classmethod
    def of(cls, header: Dataset, whole_header: Callable[[], Dataset]) -> "Mosaic | None":
        """The mosaic that an image is; None for every other image.

        `whole_header` reads the header with its CSA header, and is called for mosaics alone. Raises
        UnsupportedScan for a packed image that cannot be unpacked.
        """
        _refuse_grid(header)
        frames = int(header.get("NumberOfFrames") or 1)
        single = header.get("SOPClassUID") == MRImageStorage and frames == 1
        if not single or (_MOSAIC not in image_kinds(header) and _private_count(header) <= 1):
            return None
        tags = next((t for t in csa_headers(whole_header()) if _COUNT in t), None)
        if tags is None:
            raise _not_described()
        return cls._described(tags)

    @classmethod
    def _described(cls, tags: CsaHeader) -> "Mosaic | None":
        try:
            count = int(tags[_COUNT][0])
            normal = np.array([float(n) for n in tags[_NORMAL]])
        except (KeyError, IndexError, ValueError) as error:
            raise _not_described() from error
        length = float(np.linalg.norm(normal))
        if (
            not 1 <= count <= _MOST_SLICES
            or normal.shape != (3,)
            or not abs(length - 1) < 1 - _PARALLEL
        ):
            raise _not_described()
        return cls(count, normal / length)

    def write_to(self, dataset: Dataset) -> None:
        """Adds a CSA header with nothing but the number of slices and their direction.

        Adds the private count where ImageType does not tell that the image is a mosaic.
        """
        normal = tuple(f"{n:.8f}" for n in self.normal)
        block = dataset.private_block(0x0029, CSA_CREATOR, create=True)
        block.add_new(CSA_ELEMENT, "OB", encoded_csa({_COUNT: (str(self.count),), _NORMAL: normal}))
        if _MOSAIC not in image_kinds(dataset):
            counted = dataset.private_block(MOSAIC_COUNT[0] >> 16, _COUNT_CREATOR, create=True)
            counted.add_new(MOSAIC_COUNT[1] & 0xFF, "US", self.count)

    def tiles(
        self, geometry: PlaneGeometry, rows: int, columns: int
    ) -> Iterator[tuple[Tile, PlaneGeometry]]:
        """Each slice's tile in an image of rows x columns, and its plane.

        The image's own position is that of the first slice, moved outwards as if the slice had the
        size of the whole image; it is moved back here. Raises UnreadableScan.
        """
        side = isqrt(self.count - 1) + 1
        cosine = float(geometry.normal @ self.normal)
        if rows % side or columns % side:
            raise _mismatch(
                f"The image of {rows} x {columns} pixels cannot be divided into {side} x {side} "
                f"tiles of equal size, as a mosaic of {self.count} slices is.",
                expected=f"Rows and columns that are multiples of {side}.",
            )
        if abs(cosine) < _PARALLEL:
            raise _mismatch(
                "The image is a mosaic, and its slices are not parallel to it: the normals that "
                "its CSA header and Image Orientation state differ.",
                expected="SliceNormalVector of the CSA header along the normal of the image.",
            )
        if geometry.thickness is None:
            raise _mismatch(
                "The image is a mosaic, and does not state the distance between its slices.",
                expected="Spacing Between Slices or Slice Thickness.",
            )
        height, width = rows // side, columns // side
        first = (
            geometry.position
            + geometry.along_row * geometry.spacing[1] * (columns - width) / 2
            + geometry.along_column * geometry.spacing[0] * (rows - height) / 2
        )
        step = geometry.thickness * np.copysign(1, cosine) * geometry.normal
        for n in range(self.count):
            tile = Tile(n // side * height, n % side * width, height, width)
            yield tile, geometry.at(first + n * step)


_COUNT, _NORMAL = "NumberOfImagesInMosaic", "SliceNormalVector"


def _private_count(header: Dataset) -> int:
    """Number of images in the mosaic by Siemens' own element; 0 without it."""
    creator, element = (header.get(tag) for tag in MOSAIC_COUNT)
    if creator is None or element is None or "SIEMENS" not in str(creator.value).upper():
        return 0
    value = element.value
    if isinstance(value, bytes):
        return int.from_bytes(value, "little")
    return value if isinstance(value, int) else 0


def _refuse_grid(header: Dataset) -> None:
    if any(tag in header for tag in UIH_GRID):
        raise UnsupportedScan(
            "The image is a grid of United Imaging (UIH): all slices of a volume as tiles of one "
            "image, described by private attributes.",
            expected="One image per slice, an enhanced multi-frame image, or a Siemens mosaic.",
            hint="Export the series without the grid, or convert it to NIfTI with dcm2niix.",
        )


def _mismatch(detail: str, expected: str) -> UnreadableScan:
    return UnreadableScan(
        detail,
        expected=expected,
        hint="Export the series again from the scanner or the archive.",
    )


def _not_described() -> UnsupportedScan:
    return UnsupportedScan(
        "The image is a mosaic, all slices of a volume as tiles of one image, and its CSA header, "
        "which states their number and direction, is missing or not readable.",
        expected="The private attributes of Siemens (0029,xx10) with NumberOfImagesInMosaic and "
        "SliceNormalVector. Anonymisation often removes them.",
        hint="Send the original images, export them as enhanced DICOM, or convert the originals "
        "to NIfTI with dcm2niix.",
    )
