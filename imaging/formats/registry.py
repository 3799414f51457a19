"""All formats: the one place where a format is listed.

Everything else is derived from these tuples when it is called or when a process starts:
recognising and opening scans (`sniff.py`), writing masks (`mask_file.py`), the command's
`--format`, the API's enums, media types and error texts, the page's downloads and the table in the
documentation. A test adds a format of each kind and looks for it in all of these places.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from numpy.typing import NDArray

from imaging.formats import bmp, webp
from imaging.formats.csv_report import REPORT as CSV_REPORT
from imaging.formats.dicom.formats import labelmap, rtstruct, seg, sr
from imaging.formats.dicom.formats import scan as dicom
from imaging.formats.format import FileFormat, MaskFormat, ReportFormat, ResultFormat, ScanFormat
from imaging.formats.jpeg import format as jpeg
from imaging.formats.jpeg2000 import format as jpeg2000
from imaging.formats.json_report import REPORT as JSON_REPORT
from imaging.formats.metaimage import format as metaimage
from imaging.formats.mgh import format as mgh
from imaging.formats.nifti import format as nifti
from imaging.formats.nrrd import format as nrrd
from imaging.formats.ome_tiff import format as ome_tiff
from imaging.formats.ome_zarr import format as ome_zarr
from imaging.formats.png import format as png
from imaging.formats.tiff import format as tiff
from imaging.scan import Scan

SCAN_FORMATS: tuple[ScanFormat, ...] = (
    ome_zarr.SCAN,
    dicom.SCAN,  # before the signatures: its preamble may be another format's header (PS3.10, 7.1)
    png.SCAN,
    jpeg.SCAN,
    nrrd.SCAN,
    metaimage.SCAN,
    tiff.SCAN,
    jpeg2000.SCAN,
    webp.SCAN,
    bmp.SCAN,
    mgh.SCAN,  # it and the next one decompress the beginning of every gzip stream
    nifti.SCAN,
)
"""In the order in which they are tried."""

MASK_FORMATS: tuple[MaskFormat, ...] = (
    nifti.MASK,
    png.MASK,
    ome_tiff.MASK,
    ome_zarr.MASK,
    nrrd.MASK,
    metaimage.MASK,
    mgh.MASK,
    seg.MASK,
    labelmap.MASK,
    rtstruct.MASK,
)
"""In the order in which they are offered, and tried for storing a mask (see `stored_as`)."""

REPORT_FORMATS: tuple[ReportFormat, ...] = (
    JSON_REPORT,
    CSV_REPORT,
    sr.REPORT,
)
"""In the order in which they are offered; the first one is the default."""

_Format = TypeVar("_Format", bound=FileFormat)


def mask_format(name: str) -> MaskFormat:
    """The mask format of this name; raises KeyError."""
    return _named(MASK_FORMATS, name)


def report_format(name: str) -> ReportFormat:
    """The report format of this name; raises KeyError."""
    return _named(REPORT_FORMATS, name)


def result_formats() -> tuple[ResultFormat, ...]:
    """All formats of masks and of reports."""
    return (*MASK_FORMATS, *REPORT_FORMATS)


def result_format(name: str) -> MaskFormat | ReportFormat:
    """The format of a mask or report of this name; raises KeyError."""
    formats: tuple[MaskFormat | ReportFormat, ...] = (*MASK_FORMATS, *REPORT_FORMATS)
    return _named(formats, name)


def names(formats: Iterable[FileFormat]) -> list[str]:
    """The names of formats, in their order."""
    return [one.name for one in formats]


def deliverable() -> list[ResultFormat]:
    """The formats that can be sent to a PACS."""
    return [one for one in result_formats() if one.delivery is not None]


def impossible(scan: Scan) -> list[ResultFormat]:
    """The formats for results of scans of this scan's format that cannot be written for it."""
    formats = (one for one in result_formats() if one.scan_format == scan.format)
    return [one for one in formats if not one.possible(scan)]


def stored_formats() -> list[MaskFormat]:
    """The formats that masks are stored in by themselves."""
    return [one for one in MASK_FORMATS if one.stored_for]


def stored_as(dimension: int, voxels: int, largest: int) -> MaskFormat:
    """The format that a mask is stored in by itself: the first one that it fits.

    `largest`: its largest label number.
    """
    return next(
        one for one in MASK_FORMATS if dimension in one.stored_for and one.fits(voxels, largest)
    )


def stored_for(mask: NDArray[Any]) -> MaskFormat:
    """The format that `mask`, of its scan's spatial shape, is stored in by itself."""
    return stored_as(mask.ndim, mask.size, int(mask.max(initial=0)))


def convertible(stored: str, dimension: int, scan_format: str) -> Iterator[MaskFormat]:
    """The formats that a mask which is stored as `stored` can be converted to.

    `dimension` and `scan_format` are those of its scan. A format that would have been tried before
    the stored one is left out: the mask did not fit it.
    """
    did_not_fit = True
    for one in MASK_FORMATS:
        did_not_fit = did_not_fit and one.name != stored
        fits = not (did_not_fit and dimension in one.stored_for)
        if dimension in one.dimensions and fits and one.scan_format in (None, scan_format):
            yield one


def supported_scans() -> str:
    """The supported scan formats as a phrase: titles and endings, sorted by title."""
    formats = sorted(SCAN_FORMATS, key=lambda one: one.title.lower())
    return ", ".join(f"{one.title} ({', '.join(one.endings)})" for one in formats)


def mask_ending(name: str) -> str | None:
    """The ending of a mask's file name, the longest one that matches; None without a match."""
    endings = [end for one in MASK_FORMATS for end in one.endings if name.endswith(end)]
    return max(endings, key=len, default=None)


def mask_format_of(name: str) -> MaskFormat | None:
    """The mask format of a file name, by its ending; None without a match."""
    return next((one for one in MASK_FORMATS if mask_ending(name) in one.endings), None)


def general_endings(name: str) -> tuple[str, ...]:
    """Endings that a mask file of the format `name` may have without stating the format: those of
    the scan format that it belongs to, such as `.dcm`; raises KeyError."""
    family = mask_format(name).scan_format
    return tuple(end for one in SCAN_FORMATS if one.name == family for end in one.endings)


def report_format_of(name: str) -> ReportFormat:
    """The report format of a file name, by its ending; the default format without a match."""
    matching = (one for one in REPORT_FORMATS if name.endswith(one.endings))
    return next(matching, REPORT_FORMATS[0])


def _named(formats: Sequence[_Format], name: str) -> _Format:
    return {one.name: one for one in formats}[name]
