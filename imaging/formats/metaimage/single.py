"""A MetaImage of one file that Tessera makes from another: numbers and voxels, without text."""

from pathlib import Path

from imaging.formats.metaimage.header import MetaHeader
from imaging.formats.metaimage.write import write_blocks


def write_single(target: Path, header: MetaHeader) -> None:
    """Writes the numbers of the header and the voxels, and nothing that follows the voxels.

    Voxels in a compressed stream are compressed again. Raises UnreadableScan.
    """
    stream = header.stream
    write_blocks(
        target,
        stream.blocks(),
        header.axes,
        stream.stored,
        header.space,
        channels=header.channels,
        compress=stream.compressed,
    )
