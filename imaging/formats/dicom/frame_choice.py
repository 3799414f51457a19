"""The frames of a multi-frame image that forms no volume: a caller chooses one, or each."""

from dataclasses import dataclass
from typing import Any

from imaging.formats.dicom.frame import Frame
from imaging.formats.dicom.instance import Instance
from imaging.formats.dicom.scan_candidate import ScanCandidate
from imaging.formats.scan_part import ScanPart, check_part_count


@dataclass(frozen=True, slots=True, kw_only=True)
class FramePart(ScanPart):
    """One frame of a candidate."""

    candidate: ScanCandidate
    instance: Instance
    frame: int
    """Number of the frame in the instance, from 0."""

    @property
    def choice(self) -> dict[str, Any]:
        """The entry of a list of choices in an API response; names the series, too."""
        return {**self.candidate.choice, "volume": self.number, "name": self.title, "slices": 1}


def frame_parts(candidate: ScanCandidate) -> list[FramePart]:
    """The frames to choose from; none where the candidate is a volume or a single image.

    Frames of a cine (ultrasound, endoscopy, angiography) have no position of their own; slices in
    colour form no volume. Raises ScanTooLarge for more frames than may be listed.
    """
    planes = _planes(candidate.stack.frames)
    if not planes or planes[0][0].number_of_frames == len(planes) == 1:
        return []
    return [
        FramePart(
            number=n,
            title=f"{candidate.name}, frame {n} of {len(planes)}",
            shape=(int(instance.header.Rows), int(instance.header.Columns)),
            candidate=candidate,
            instance=instance,
            frame=frame,
        )
        for n, (instance, frame) in enumerate(planes, 1)
    ]


def _planes(frames: tuple[Frame, ...]) -> list[tuple[Instance, int]]:
    first = frames[0]
    if first.instance.is_whole_slide:
        return []
    if first.instance.is_cine:
        check_part_count(first.instance.number_of_frames, "frames")
        return [(first.instance, n) for n in range(first.instance.number_of_frames)]
    if first.geometry is None or first.instance.is_color:
        return [(frame.instance, frame.number) for frame in frames]
    return []
