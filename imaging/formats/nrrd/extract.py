"""Writes volumes of an NRRD file with several as files of their own."""

from collections.abc import Mapping
from pathlib import Path

from imaging.formats.nrrd.header import parse
from imaging.formats.nrrd.read import NrrdVoxels
from imaging.formats.nrrd.write import write_nrrd
from imaging.formats.voxel_stream import extract_volumes


def extract_nrrd(path: Path, targets: Mapping[int, Path]) -> None:
    """Writes volumes of the file at `path`: number, from 1 -> target. Their position stays.

    A gzip stream is verified to its end; the volumes are compressed again. Raises UnreadableScan.
    """
    header = parse(path)
    extract_volumes(header, targets, NrrdVoxels, write_nrrd, header.space)
