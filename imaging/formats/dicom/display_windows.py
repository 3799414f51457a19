"""The windows of a DICOM scan (PS3.3 C.11.2.1.2), in the units of the voxels that Tessera reads.

A window refers to the output of the modality LUT. That is the unit of the voxels, except where they
are values of the Real World Value Map, and where an image of MONOCHROME1 is stored upside down.
Values that cannot be a window are ignored: they are no reason to refuse a scan.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pydicom import Dataset
from pydicom.multival import MultiValue

from imaging.formats.dicom.frame import Frame
from imaging.formats.dicom.functional_groups import frame_groups
from imaging.formats.dicom.object_header import text
from imaging.formats.dicom.readable_element import readable_element
from imaging.scan_display import WINDOW_FUNCTIONS, DisplayWindow

_MOST = 16
"""Windows of a scan that are listed."""
_LEAST, _LARGEST = 1e-30, 1e30
"""Bounds of widths and centres: as of slopes and intercepts."""
_STEP = 1e-3
"""Width, in stored values, of a window of the function LINEAR that is one step."""


def display_windows(frames: Sequence[Frame]) -> tuple[DisplayWindow, ...]:
    """The windows of a stack: those that most of its frames state, else those of the middle one.

    Empty where no frame states any.
    """
    stated = [_windows_of(frame) for frame in frames]
    counts = Counter(windows for windows in stated if windows)
    if not counts:
        return ()
    most = max(counts.values())
    common = [windows for windows, number in counts.items() if number == most]
    if len(common) == 1:
        return _marked(common[0], "all" if most == len(frames) else "most")
    middle = len(stated) // 2
    nearest = sorted(range(len(stated)), key=lambda n: abs(n - middle))
    return _marked(next(stated[n] for n in nearest if stated[n] in common), "middle")


def is_shown_inverted(frame: Frame) -> bool:
    """Whether a volume's smallest value is white; an image is inverted as it is read."""
    header = frame.instance.header
    return frame.geometry is not None and header.PhotometricInterpretation == "MONOCHROME1"


def _marked(windows: Sequence[DisplayWindow], slices: Any) -> tuple[DisplayWindow, ...]:
    return tuple(replace(window, slices=slices) for window in windows[:_MOST])


def _windows_of(frame: Frame) -> tuple[DisplayWindow, ...]:
    """Those of one frame; the frame's own come before shared ones and those of the header."""
    if frame.instance.is_color or frame.instance.is_whole_slide:
        return ()
    groups = frame_groups(frame.instance.header, frame.number)
    windows = next(filter(None, map(_stated, groups)), [])
    converted = (_of_voxels(window, frame) for window in windows)
    usable = (window for window in converted if window is not None and _is_usable(window))
    return tuple(dict.fromkeys(usable))


def _stated(group: Dataset) -> list[DisplayWindow]:
    """The windows of a functional group, or of the header, without those that can be none."""
    centres, widths = _values(group, "WindowCenter"), _values(group, "WindowWidth")
    names = _values(group, "WindowCenterWidthExplanation")
    names += [""] * (len(centres) - len(names))
    function = _function(group)
    windows = (_window(*one, function) for one in zip(centres, widths, names, strict=False))
    return [window for window in windows if window is not None]


def _window(centre: Any, width: Any, name: Any, function: str) -> DisplayWindow | None:
    try:
        centre, width = float(centre), float(width)
    except (TypeError, ValueError):
        return None
    if function not in WINDOW_FUNCTIONS:
        return None
    window = DisplayWindow(centre, width, function, text(str(name or "")))
    return window if _is_usable(window) else None


def _is_usable(window: DisplayWindow) -> bool:
    """Whether it has a width (C.11.2.1.2.1), and fits into the single precision of a viewer."""
    least = window.width >= 1 if window.function == "LINEAR" else window.width > _LEAST
    return least and abs(window.centre) < _LARGEST and window.width < _LARGEST  # False for NaN


def _function(group: Dataset) -> str:
    """LINEAR where none is stated (C.11.2.1.3)."""
    (stated,) = _values(group, "VOILUTFunction")[:1] or [""]
    return str(stated or "").strip().upper() or "LINEAR"


def _values(group: Dataset, keyword: str) -> list[Any]:
    """The values of an element; none where it is missing, empty or cannot be decoded."""
    element = readable_element(group, keyword)
    if element is None or element.is_empty:
        return []
    return list(element.value) if isinstance(element.value, MultiValue) else [element.value]


def _of_voxels(window: DisplayWindow, frame: Frame) -> DisplayWindow | None:
    """The window in the units of the voxels; None where they have no fixed relation."""
    header, scale = frame.instance.header, frame.scale
    if frame.geometry is None and header.PhotometricInterpretation == "MONOCHROME1":
        if "ModalityLUTSequence" in header:  # the image is inverted within its own values
            return None
        signed = int(header.get("PixelRepresentation") or 0)
        end = -1 if signed else (1 << int(header.BitsStored)) - 1
        own = (1.0, 0.0) if scale.mapped else (scale.slope, scale.intercept)
        window = _reflected(window, own[0] * end + 2 * own[1])
    if not scale.mapped:
        return window
    return _mapped(window, scale.slope, scale.intercept) if scale.slope > 0 else None


def _reflected(window: DisplayWindow, total: float) -> DisplayWindow:
    """For values that became `total` - value. The function LINEAR is centred half a value below its
    centre (C.11.2.1.2.1)."""
    half = 1.0 if window.function == "LINEAR" else 0.0
    return replace(window, centre=total - window.centre + half)


def _mapped(window: DisplayWindow, slope: float, intercept: float) -> DisplayWindow:
    """For values that became slope x value + intercept: LINEAR_EXACT, for the half values of LINEAR
    are no halves any more."""
    centre, width, function = window.centre, window.width, window.function
    if function == "LINEAR":
        centre, width, function = centre - 0.5, max(width - 1, _STEP), "LINEAR_EXACT"
    return replace(
        window, centre=slope * centre + intercept, width=slope * width, function=function
    )
