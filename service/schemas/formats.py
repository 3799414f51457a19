"""Formats, and the files of a job that can be downloaded."""

from typing import Literal

from service.schemas.fields import Wire


class FormatOut(Wire):
    """A file format, and what it is used for."""

    name: str
    title: str
    """The name that people read."""
    endings: list[str]
    media_type: str
    scan_dimensions: list[int]
    """Scans that can be uploaded in it: 2 for images, 3 for volumes; empty if none can."""
    mask_dimensions: list[int]
    """Masks that can be downloaded in it, by the dimension of their scan; empty if none can."""
    report: bool
    """Whether reports can be downloaded in it."""
    scan_format: str | None
    """The format that the scan must have for a result in this format; None: any."""
    delivery: Literal["default", "on request"] | None
    """Whether it can be sent to a PACS, and whether the page sends it without being asked."""


class DownloadOut(Wire):
    """A file of a finished job."""

    kind: Literal["mask", "report"]
    format: str
    title: str
    """The format's name that people read."""
    url: str
    """Path and query, from the root of the service."""
    delivery: Literal["default", "on request"] | None
    """Whether it can be sent to a PACS, and whether the page sends it without being asked."""
