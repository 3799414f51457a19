"""Tiles: a large image and its mask in pieces that a viewer loads as it needs them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from imaging.errors import BadRequest
from imaging.formats.limits import Limits
from imaging.formats.mask_file import read
from imaging.formats.sniff import open_scan
from imaging.picture_tiles import name_of, write_image_tiles, write_mask_tiles
from imaging.tile_levels import TileLevels
from jobs.blobs import Blobs
from jobs.stored_scan import StoredScan
from service.resources.scratch import Scratch
from service.resources.tile_files import TileFiles
from service.use_cases.result_mask import ResultMask


@dataclass(frozen=True, slots=True)
class Tiles:
    """Cuts stored images and masks into tiles, once for each gateway."""

    blobs: Blobs
    scratch: Scratch
    limits: Limits
    files: TileFiles

    def levels(self, scan: StoredScan) -> TileLevels:
        """The levels of an image and of its masks; raises BadRequest for a volume."""
        if len(scan.shape) != 3:
            raise BadRequest(
                "The scan is a volume, which has no tiles.",
                expected="A 2D image.",
                hint="GET /v1/scans/{id}/volume gives a volume as one file.",
            )
        return TileLevels(*scan.shape[1:])

    def scan_fraction(self, scan: StoredScan) -> float:
        """How much of an image is cut into tiles; 1: its tiles can be read."""
        self.levels(scan)
        return self.files.ask(_image_key(scan), partial(self._cut_image, scan))

    def mask_fraction(self, scan: StoredScan, mask: ResultMask) -> float:
        """The same for a mask of the image."""
        self.levels(scan)
        return self.files.ask(_mask_key(mask), partial(self._cut_mask, mask))

    def scan_tile(self, scan: StoredScan, level: int, row: int, column: int) -> bytes:
        """A JPEG; raises NotFound for a tile outside, and Conflict before it is cut."""
        self.levels(scan).tile(level, row, column)
        return self.files.tile(_image_key(scan), name_of(level, row, column))

    def mask_tile(
        self, scan: StoredScan, mask: ResultMask, level: int, row: int, column: int
    ) -> bytes:
        """A PNG of label numbers, as `imaging.picture_tiles` says."""
        self.levels(scan).tile(level, row, column)
        return self.files.tile(_mask_key(mask), name_of(level, row, column))

    def _cut_image(self, scan: StoredScan, path: Path, progress: Callable[[float], None]) -> None:
        with self.blobs.local(scan.sha256) as source:
            opened = open_scan(source, self.limits, self.scratch.folder)
            write_image_tiles(opened, path, self.scratch.folder, progress)

    def _cut_mask(self, mask: ResultMask, path: Path, progress: Callable[[float], None]) -> None:
        with self.blobs.local(mask.sha256) as source:
            numbers = read(source, 2, self.scratch.folder)
            write_mask_tiles(numbers, path, self.scratch.folder, progress)


def _image_key(scan: StoredScan) -> str:
    return f"{scan.sha256}-image"


def _mask_key(mask: ResultMask) -> str:
    return f"{mask.sha256}-mask"
