"""The same slice more than once: acquisitions that share a slice, or copies under other UIDs."""

from collections.abc import Sequence
from hashlib import sha256

from imaging.errors import BadInput
from imaging.formats.dicom.frame import Frame
from imaging.formats.dicom.stored_plane import stored_planes


def without_duplicates(positions: Sequence[Sequence[Frame]]) -> list[Frame] | None:
    """One frame for each position, where all frames at a position have the same pixels.

    `positions`: the frames at each position. Returns None at the first position where pixels or
    rescales differ; reads no more pixels then.
    """
    kept = []
    for frames in positions:
        first, *others = sorted(frames, key=_rank)
        if others:
            content = _content(first)
            if content is None or any(_content(other) != content for other in others):
                return None
        kept.append(first)
    return kept


def _rank(frame: Frame) -> tuple[int, str, int]:
    """The order of copies: which one is kept does not depend on the order of the files."""
    number = str(frame.volume_attributes.get("InstanceNumber") or "")
    uid = str(frame.instance.header.get("SOPInstanceUID") or "")
    return int(number) if number.isdecimal() else 0, uid, frame.number


def _content(frame: Frame) -> str | None:
    """A checksum of stored values and rescale; None where the pixels cannot be decoded."""
    try:
        (plane,) = stored_planes([frame])
    except BadInput:
        return None
    digest = sha256(repr((plane.values.shape, frame.scale)).encode())
    digest.update(plane.values.tobytes())
    return digest.hexdigest()
