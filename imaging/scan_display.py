"""What a viewer needs to show a scan as its file asks for, and what may be written beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

WindowFunction = Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]
"""VOI LUT Function (PS3.3 C.11.2.1.2 and C.11.2.1.3)."""
WINDOW_FUNCTIONS: tuple[WindowFunction, ...] = get_args(WindowFunction)
SlicesOfWindow = Literal["all", "most", "middle"]
ValueUnit = Literal["HU", ""]
"""Unit of a scan's values; empty where it is not known."""


@dataclass(frozen=True, slots=True)
class DisplayWindow:
    """A window of grey values that the file states, in the units of the scan's voxels."""

    centre: float
    width: float
    function: WindowFunction = "LINEAR"
    explanation: str = ""
    """Window Center & Width Explanation (0028,1055), such as `BRAIN`."""
    slices: SlicesOfWindow = "all"
    """Which slices state it. `most`: the most common one. `middle`: several are equally common, and
    it is the one of the slice nearest to the middle."""


@dataclass(frozen=True, slots=True)
class ScanDisplay:
    """How a DICOM scan is shown. Nothing in it identifies a patient but what the file keeps."""

    windows: tuple[DisplayWindow, ...] = ()
    """The first one is shown at the start."""
    inverted: bool = False
    """Whether the smallest value is white: a volume that is stored as MONOCHROME1."""
    value_unit: ValueUnit = ""
    """HU for CT, unless its values have another unit, such as those of an iodine map."""
    subject: str = ""
    """The pseudonym of the patient; empty where the file states no patient."""
    series_number: int | None = None
    study_date: str | None = None
    """YYYY-MM-DD; None where the file states no date, or de-identification removed it."""
    study: str = ""
    """StudyInstanceUID (0020,000D); empty where the file states none."""
    frame_of_reference: str = ""
    """FrameOfReferenceUID (0020,0052): scans that share it have positions in the same space (PS3.3
    C.7.4.1). Empty where the file states none."""

    @classmethod
    def of_json(cls, stored: Mapping[str, Any] | None) -> "ScanDisplay":
        """As `dataclasses.asdict` made it; members of a later version are left out."""
        known = {name: value for name, value in (stored or {}).items() if name in _MEMBERS}
        windows = tuple(DisplayWindow(**one) for one in known.pop("windows", ()))
        return cls(windows=windows, **known)


_MEMBERS = frozenset(ScanDisplay.__dataclass_fields__)
