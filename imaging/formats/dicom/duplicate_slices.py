"""The same slice more than once: acquisitions that share a slice, or copies under other UIDs."""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import groupby
from typing import Any

from imaging.errors import BadInput
from imaging.formats.dicom.frame import Frame
from imaging.formats.dicom.stored_plane import StoredPlane, stored_planes


def without_duplicates(positions: Sequence[Sequence[Frame]]) -> list[Frame] | None:
    """One frame for each position, where all frames at a position have the same pixels.

    `positions`: the frames at each position. Returns None where pixels or rescales differ at a
    position, or cannot be decoded; reads few more pixels than those up to the first such position.
    """
    several = [frames for frames in positions if len(frames) > 1]
    if not all(map(_are_copies, _growing(several))):
        return None
    return [min(frames, key=_rank) for frames in positions]


def _growing(positions: Sequence[Sequence[Frame]]) -> Iterator[Sequence[Sequence[Frame]]]:
    """Parts of 1, 2, 4, 8 and so on: an early difference is found soon, and a multi-frame file is
    opened for few parts, not for every frame."""
    start = 0
    while start < len(positions):
        end = 2 * start + 1
        yield positions[start:end]
        start = end


def _are_copies(positions: Sequence[Sequence[Frame]]) -> bool:
    """Whether the frames at each position are equal; False where one cannot be decoded."""
    try:
        contents = dict(_contents([frame for frames in positions for frame in frames]))
    except BadInput:
        return False
    return all(len({contents[frame.identity] for frame in frames}) == 1 for frames in positions)


def _rank(frame: Frame) -> tuple[int, str, int]:
    """The order of copies: which one is kept does not depend on the order of the files."""
    number = str(frame.volume_attributes.get("InstanceNumber") or "")
    uid = str(frame.instance.header.get("SOPInstanceUID") or "")
    return int(number) if number.isdecimal() else 0, uid, frame.number


def _contents(frames: Iterable[Frame]) -> Iterator[tuple[Any, str]]:
    """The identity of each frame and a checksum of its content; opens each instance once."""
    ordered = sorted(frames, key=lambda frame: (id(frame.instance), frame.number))
    for _, same in groupby(ordered, key=lambda frame: id(frame.instance)):
        for plane in stored_planes(list(same)):
            yield plane.frame.identity, _checksum(plane)


def _checksum(plane: StoredPlane) -> str:
    """Equal for equal stored values with an equal rescale."""
    scale = plane.frame.scale
    digest = sha256(repr((plane.values.shape, scale.slope, scale.intercept)).encode())
    digest.update(plane.values.tobytes())
    return digest.hexdigest()
