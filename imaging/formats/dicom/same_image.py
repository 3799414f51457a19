"""Whether two DICOM files that state the same SOP Instance UID hold the same image.

A UID identifies one object for good (PS3.5, 9). Archives that correct a patient's name keep it and
may do so; a file with other pixels or another position needs a new one.
"""

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.pixels.utils import iter_pixels

from imaging.errors import BadInput, UnreadableScan
from imaging.formats.dicom import decoders
from imaging.formats.dicom.codestream import check_codestreams
from imaging.formats.dicom.frame import Frame, frames_of
from imaging.formats.dicom.instance import Instance, opener
from imaging.formats.dicom.instance_reader import read_instance
from imaging.formats.dicom.stored_plane import decoding

decoders.register()


def is_same_image(one: Instance, other: Instance) -> bool:
    """Whether position, spacing, rescale and all decoded pixels are equal.

    Decodes frame by frame. False where one of them cannot be decoded.
    """
    try:
        if _placed(one) != _placed(other):
            return False
        pairs = zip_longest(_pixels(one), _pixels(other))
        return all(np.array_equal(a, b) for a, b in pairs)
    except BadInput:
        return False


def is_same_image_file(one: Path, other: Path) -> bool:
    """As `is_same_image`, for two files; False where one cannot be read."""
    try:
        instances = read_instance(opener(one)), read_instance(opener(other))
    except BadInput:
        return False
    return is_same_image(*instances)


def reused_uids(instances: Sequence[Instance]) -> Iterator[tuple[str, UnreadableScan]]:
    """SeriesInstanceUIDs of images that share their SOP Instance UID with another image, and the
    error to raise for the series."""
    first: dict[str, Instance] = {}
    for instance in instances:
        uid = str(instance.header.get("SOPInstanceUID") or "")
        earlier = first.setdefault(uid, instance)
        if uid and earlier is not instance and not is_same_image(earlier, instance):
            yield instance.series, _reused()


def _reused() -> UnreadableScan:
    return UnreadableScan(
        "Two images of the series have the same SOP Instance UID and different pixels, or other "
        "positions.",
        expected="Images with a SOP Instance UID of their own (PS3.5, 9).",
        hint="Leave out the image that is wrong, or give one of them a new UID.",
    )


def _placed(instance: Instance) -> list[Any]:
    return [_plane(frame) for frame in frames_of(instance)]


def _plane(frame: Frame) -> tuple[Any, ...]:
    plane = frame.geometry
    place = None if plane is None else (*plane.position, *plane.orientation_and_spacing)
    return frame.size, frame.tile, place, frame.scale.slope, frame.scale.intercept


def _pixels(instance: Instance) -> Iterator[NDArray[Any]]:
    """The decoded frames, one after the other."""
    with decoding(), instance.open() as file:
        check_codestreams(file)
        file.seek(0)
        yield from iter_pixels(
            dcmread(file, force=True) if instance.is_deflated else file,
            raw=not instance.is_color,
            decoding_plugin=decoders.PLUGIN,
        )
