"""RFC 9457 problems."""

from service.schemas.fields import Wire


class Choice(Wire):
    """One of several scans in an upload: upload again with its `series` and `stack`."""

    series: str
    """SeriesInstanceUID."""
    stack: int
    """Number of the volume in the series, from 1."""
    name: str
    modality: str
    slices: int
    rows: int
    columns: int
    localizer: bool
    volume: bool
    """False for an image without a position in the patient."""


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
