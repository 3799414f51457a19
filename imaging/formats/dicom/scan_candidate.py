"""One of the scans that uploaded DICOM files hold: a stack of a series."""

from dataclasses import dataclass
from typing import Any

from imaging.errors import UnreadableScan
from imaging.formats.dicom.frame import Frame
from imaging.formats.dicom.series_name import series_name
from imaging.formats.dicom.stack import Stack
from imaging.printable import printable


@dataclass(frozen=True, slots=True, eq=False)
class ScanCandidate:
    """One stack of one series, which a caller may choose."""

    stack: Stack
    number: int
    """Index in the stacks of its series, from 0."""
    count: int
    """Number of stacks of its series."""
    aside: bool
    """Whether it is used only if nothing else was sent: a localizer, a smaller copy of a slide."""

    incomplete: UnreadableScan | None = None
    """Why it lacks slices that its headers state; None where it lacks none."""

    @property
    def series(self) -> str:
        """SeriesInstanceUID."""
        return self._first.instance.series

    @property
    def name(self) -> str:
        """A name for lists, without patient data."""
        name = series_name(self._first.instance.header)
        if self.count == 1:
            return name
        label = f" ({self.stack.label})" if self.stack.label else ""
        return f"{name}, volume {self.number + 1}{label}"

    @property
    def title(self) -> str:
        """The name, with the number of slices of a volume."""
        slices = len(self.stack.frames)
        return self.name if slices == 1 else f"{self.name}, {slices} slices"

    @property
    def choice(self) -> dict[str, Any]:
        """The entry of a list of choices in an API response; without patient data."""
        header, first = self._first.instance.header, self._first
        rows, columns = first.instance.size if first.tile is None else first.size
        return {
            "series": self.series,
            "stack": self.number + 1,
            "name": self.name,
            "modality": printable(str(header.get("Modality") or ""), 16),
            "slices": len(self.stack.frames),
            "rows": rows,
            "columns": columns,
            "localizer": self.aside,
            "positioned": self._first.geometry is not None,
        }

    @property
    def _first(self) -> Frame:
        return self.stack.frames[0]
