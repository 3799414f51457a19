"""Writes volumes of an NRRD file with several as files of their own."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from imaging.formats.nrrd.header import parse
from imaging.formats.nrrd.read import NrrdVoxels
from imaging.formats.nrrd.write import write_nrrd
from imaging.formats.scan_part import common_folder
from imaging.formats.voxel_blocks import slice_reader


def extract_nrrd(path: Path, targets: Mapping[int, Path]) -> None:
    """Writes volumes of the file at `path`: number, from 1 -> target. Their position stays.

    A gzip stream is verified to its end; the volumes are compressed again. Raises UnreadableScan.
    """
    header = parse(path)
    with header.stream.unpacked(common_folder(targets)) as stream:
        plain = replace(header, stream=stream)
        for number, target in targets.items():
            write_nrrd(
                target,
                slice_reader(NrrdVoxels(plain, None, number - 1), header.grid),
                header.grid,
                stream.stored,
                header.space,
                compress=header.stream.compressed,
            )
