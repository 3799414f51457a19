"""The header of a Segmentation: what it refers to, and its segments (PS3.3 A.51, A.93, C.8.20)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom import Dataset
from pydicom.uid import SegmentationStorage

from imaging.errors import TesseraError, UnreadableScan
from imaging.formats.dicom.color import hex_of_cielab
from imaging.formats.dicom.deflated import read_header
from imaging.formats.dicom.object_header import text
from imaging.formats.dicom.readable_element import readable_element
from imaging.formats.dicom.series_name import series_name
from imaging.label_codes import STRUCTURE, default_color, private_code
from imaging.mask_description import Code, Segment
from imaging.uploaded_mask import MOST_LABEL

SEG_CLASSES = (SegmentationStorage, "1.2.840.10008.5.1.4.1.1.66.7")
"""Segmentation Storage and Label Map Segmentation Storage (PS3.4, B.5)."""
_ALGORITHMS = ("MANUAL", "SEMIAUTOMATIC", "AUTOMATIC")


@dataclass(frozen=True, slots=True, eq=False)
class SegHeader:
    """The header of a Segmentation, without its pixels."""

    dataset: Dataset
    segments: tuple[Segment, ...]
    """By number, each once."""
    algorithms: tuple[str, ...]
    """SegmentAlgorithmType of the segments, each value once."""

    @classmethod
    def read(cls, path: Path) -> "SegHeader":
        """Raises UnreadableScan for a damaged file, ScanTooLarge."""
        try:
            with path.open("rb") as file:
                dataset = read_header(file, force=True)
            items = list(dataset.SegmentSequence)
            segments = {one.number: one for one in map(_segment, items)}
        except TesseraError:
            raise
        except Exception as error:  # pydicom raises many kinds for a damaged file
            raise damaged() from error
        segments.pop(0, None)  # the background of a label map
        stated = (_text(item, "SegmentAlgorithmType").upper() for item in items)
        algorithms = tuple(dict.fromkeys(one for one in stated if one in _ALGORITHMS))
        return cls(dataset, tuple(segments[n] for n in sorted(segments)), algorithms)

    @property
    def name(self) -> str:
        """A name for lists, without patient data."""
        return series_name(self.dataset)

    @property
    def kind(self) -> str:
        """SegmentationType: BINARY, FRACTIONAL or LABELMAP."""
        return _text(self.dataset, "SegmentationType").upper()

    @property
    def series(self) -> frozenset[str]:
        """SeriesInstanceUIDs that it refers to; none where it states none."""
        return frozenset(
            _text(item, "SeriesInstanceUID") for item in _items(self.dataset, _REFERENCED)
        ) - {""}

    @property
    def instances(self) -> frozenset[str]:
        """SOPInstanceUIDs of the images that it refers to."""
        images = (
            *_items(self.dataset, "SourceImageSequence"),
            *(
                one
                for series in _items(self.dataset, _REFERENCED)
                for one in _items(series, "ReferencedInstanceSequence")
            ),
        )
        return frozenset(_text(one, "ReferencedSOPInstanceUID") for one in images) - {""}

    @property
    def frame_of_reference(self) -> str:
        """FrameOfReferenceUID; empty where it states none."""
        return _text(self.dataset, "FrameOfReferenceUID")


_REFERENCED = "ReferencedSeriesSequence"


def damaged() -> UnreadableScan:
    """The error for a Segmentation that cannot be read."""
    return UnreadableScan(
        "The DICOM Segmentation is damaged: its segments or frames cannot be read.",
        expected="A Segmentation as defined by PS3.3, A.51 or A.93.",
        hint="Export it again.",
    )


def _segment(item: Dataset) -> Segment:
    number = int(item.SegmentNumber)
    if not 0 <= number <= MOST_LABEL:
        raise damaged()
    kind = _code(item, "SegmentedPropertyTypeCodeSequence")
    types = [None, *_items(item, "SegmentedPropertyTypeCodeSequence")]
    modifier = None if types[-1] is None else _code(types[-1], _MODIFIER)
    name = text(_text(item, "SegmentLabel")) or (kind.meaning if kind else f"Segment {number}")
    return Segment(
        number=number,
        name=name,
        color=_color(item) or default_color(max(1, number)),
        category=_code(item, "SegmentedPropertyCategoryCodeSequence") or STRUCTURE,
        type=kind or private_code(name),
        modifier=modifier,
    )


_MODIFIER = "SegmentedPropertyTypeModifierCodeSequence"


def _code(item: Dataset, keyword: str) -> Code | None:
    """The first code of a sequence that is complete."""
    for one in _items(item, keyword):
        code = Code(
            *(text(_text(one, n)) for n in ("CodeValue", "CodingSchemeDesignator", "CodeMeaning"))
        )
        if code.value and code.scheme and code.meaning:
            return code
    return None


def _color(item: Dataset) -> str | None:
    element = readable_element(item, "RecommendedDisplayCIELabValue")
    try:
        return None if element is None else hex_of_cielab(element.value)
    except (TypeError, ValueError):
        return None


def _items(dataset: Dataset, keyword: str) -> Iterator[Dataset]:
    element = readable_element(dataset, keyword)
    yield from () if element is None or element.VR != "SQ" else element.value


def _text(dataset: Dataset, keyword: str) -> str:
    element = readable_element(dataset, keyword)
    value: Any = None if element is None else element.value
    return "" if value is None else str(value).strip()
