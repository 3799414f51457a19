"""The error of a job that failed on a server."""

from imaging.errors import TesseraError


class JobFailed(TesseraError):
    """The server could not segment the scan; the error states why."""
