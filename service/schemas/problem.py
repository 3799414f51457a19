"""What went wrong, and what there is to choose from."""

from service.schemas.fields import Wire


class Choice(Wire):
    """One of several scans in an upload: send it again with its `series` and `stack`."""

    series: str
    """SeriesInstanceUID."""
    stack: int
    """Volume of the series, from 1."""
    name: str
    modality: str
    slices: int
    rows: int
    columns: int
    localizer: bool
    volume: bool
    """False: a picture that does not say where it lies in the patient."""


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
    """Where an upload holds several scans."""
