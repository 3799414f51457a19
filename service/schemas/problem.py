"""RFC 9457 problems."""

from service.schemas.fields import Wire


class Choice(Wire):
    """One of several scans in an upload: upload again with its `series`, `stack` and `volume`."""

    series: str | None = None
    """SeriesInstanceUID; absent where the file is not DICOM."""
    stack: int | None = None
    """Number of the volume in the series, from 1; absent where the file is not DICOM."""
    volume: int | None = None
    """Number of the part (time point, frame, component, page) in the file, from 1; absent where the
    file is not divided in this way."""
    name: str
    modality: str = ""
    slices: int
    rows: int
    columns: int
    localizer: bool = False
    positioned: bool = True
    """False for a DICOM image without a position in the patient."""


class Problem(Wire):
    """RFC 9457 problem details; see `TesseraError` for `detail`, `expected` and `hint`."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    expected: str = ""
    hint: str = ""
    instance: str | None = None
    choices: list[Choice] | None = None
    """The scans of an upload that holds several."""
