"""Writes one volume of an NRRD file with several as a file of its own."""

from pathlib import Path

from imaging.box import Box
from imaging.formats.nrrd.header import parse
from imaging.formats.nrrd.read import NrrdVoxels
from imaging.formats.nrrd.write import write_nrrd


def extract_nrrd(path: Path, number: int, target: Path) -> None:
    """Writes volume `number` (from 1) of the file at `path`; its position stays as it is.

    A gzip stream is verified to its end; the volume is compressed again. Raises UnreadableScan.
    """
    header = parse(path)
    header.stream.verify()
    voxels = NrrdVoxels(header, target.parent, number - 1)
    i, j, _ = header.grid
    write_nrrd(
        target,
        lambda first, stop: voxels(Box((0, 0, first), (i, j, stop)))[0],
        header.grid,
        header.stream.stored,
        header.space,
        compress=header.stream.compressed,
    )
