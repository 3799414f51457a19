"""A MetaImage of one file that Tessera makes from another: numbers and voxels, without text."""

from collections.abc import Mapping
from pathlib import Path

from imaging.formats.atomic import replacing
from imaging.formats.file_pair import copy_data
from imaging.formats.metaimage.fields import LAST
from imaging.formats.voxel_stream import VoxelStream

_COPIED = (
    *("ObjectType", "NDims", "BinaryData", "BinaryDataByteOrderMSB", "ElementByteOrderMSB"),
    *("CompressedData", "CompressedDataSize", "TransformMatrix", "Rotation", "Orientation"),
    *("Offset", "Position", "Origin", "DistanceUnits", "ElementSpacing", "ElementSize"),
    *("DimSize", "ElementNumberOfChannels", "ElementType"),
)
"""Fields with numbers and codes; the others hold text, or describe the data file."""


def write_single(target: Path, fields: Mapping[str, str], stream: VoxelStream) -> None:
    """Writes the fields with numbers and codes, and the voxels as they are stored."""
    lines = [f"{name} = {fields[name]}" for name in _COPIED if name in fields]
    with replacing(target) as file:
        file.write("\n".join([*lines, f"{LAST} = LOCAL\n"]).encode())
        copy_data(stream.path, stream.offset, file.write)
