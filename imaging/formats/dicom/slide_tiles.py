"""The tiles of a whole slide image: which frame covers which part (PS3.3, C.7.6.17.3).

TILED_FULL     every tile is a frame, row by row from the top left
TILED_SPARSE   each frame states its position; where none is, there is no tissue
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydicom import Dataset

from imaging.errors import UnreadableScan, UnsupportedScan
from imaging.formats.dicom.concatenation import is_part
from imaging.formats.dicom.instance import Instance


@dataclass(frozen=True, slots=True, eq=False)
class SlideTiles:
    """The grid of tiles of one image of a slide."""

    rows: int
    """Rows of the whole image."""
    columns: int
    tile: tuple[int, int]
    """Rows and columns of a tile; those at the edges reach beyond the image."""
    placed: Mapping[tuple[int, int], int] | None
    """Tiles, (down, across), with their frames, from 0; None: all, row by row."""

    @classmethod
    def of(cls, instance: Instance) -> "SlideTiles":
        """The tiles of an image; raises UnsupportedScan for several planes of focus or paths of
        light, and for a part of a slide, UnreadableScan for impossible positions."""
        header = instance.header
        rows, columns = int(header.TotalPixelMatrixRows), int(header.TotalPixelMatrixColumns)
        tile = int(header.Rows), int(header.Columns)
        if rows < 1 or columns < 1:
            raise _impossible()
        _check_planes(header)
        if is_part(header):
            raise _partial()
        frames = header.get("PerFrameFunctionalGroupsSequence")
        sparse = str(header.get("DimensionOrganizationType") or "") != "TILED_FULL" and frames
        if sparse:
            return cls(rows, columns, tile, _placed(frames, tile))
        across, down = -(-columns // tile[1]), -(-rows // tile[0])
        if across * down != instance.number_of_frames:
            raise UnreadableScan(
                f"The slide has {instance.number_of_frames:,} tiles.",
                expected=f"{across * down:,}, by the size of the image and of a tile "
                "(PS3.3, C.7.6.17.3).",
                hint="Export the slide again.",
            )
        return cls(rows, columns, tile, None)

    def frame_at(self, down: int, across: int) -> int | None:
        """The frame of a tile, from 0; None where the slide has no tile."""
        if self.placed is None:
            return down * -(-self.columns // self.tile[1]) + across
        return self.placed.get((down, across))


def _check_planes(header: Dataset) -> None:
    for keyword, noun in (
        ("TotalPixelMatrixFocalPlanes", "planes of focus"),
        ("NumberOfOpticalPaths", "optical paths"),
    ):
        count = int(header.get(keyword) or 1)
        if count > 1:
            raise UnsupportedScan(
                f"The slide has {count} {noun}.",
                expected="One image of the slide in each instance.",
                hint="Export one of them as an instance of its own.",
            )


def _placed(frames: Any, tile: tuple[int, int]) -> dict[tuple[int, int], int]:
    placed: dict[tuple[int, int], int] = {}
    for number, groups in enumerate(frames):
        position = groups.PlanePositionSlideSequence[0]
        top = int(position.RowPositionInTotalImagePixelMatrix) - 1
        left = int(position.ColumnPositionInTotalImagePixelMatrix) - 1
        if top < 0 or left < 0 or top % tile[0] or left % tile[1]:
            raise _impossible()
        if placed.setdefault((top // tile[0], left // tile[1]), number) != number:
            raise UnsupportedScan(
                "Several tiles of the slide have the same position.",
                expected="One image of the slide in each instance: one plane of focus, one optical "
                "path.",
                hint="Export one of them as an instance of its own.",
            )
    return placed


def _partial() -> UnsupportedScan:
    return UnsupportedScan(
        "The file is one part of a slide that is split into several files (a concatenation).",
        expected="All tiles of the slide's image in one instance, without Concatenation UID "
        "(PS3.3, C.7.6.16.1).",
        hint="Export the slide as one file per level.",
    )


def _impossible() -> UnreadableScan:
    return UnreadableScan(
        "The positions of the slide's tiles are impossible.",
        expected="Tiles side by side, which begin at row 1 and column 1 (PS3.3, C.8.12.6.1).",
        hint="Export the slide again.",
    )
