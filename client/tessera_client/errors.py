"""What can go wrong, as exceptions.

TesseraError
├── RequestRefused       the server refuses the request as it is (4xx)
│   ├── NotFound         no such scan, job, batch, model or upload (404)
│   ├── Conflict         not possible in the current state (409)
│   ├── NotAllowed       credentials or a permission are missing (401, 403)
│   └── SeveralScans     an upload holds several scans; see `choices` (422)
├── ServerFailed         a fault of the server, or its disk is full (5xx)
├── Unavailable          no response, or a part of the server does not serve now (429, 502 to 504)
├── UnexpectedResponse   the response is not one of a Tessera server
├── JobFailed            a job ended without a mask
└── InvalidAddress       the server's address is not a URL of HTTP or HTTPS
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tessera_client.types import Choice, Job, Problem


class TesseraError(Exception):
    """Base class. `str(error)` joins `detail`, `expected` and `hint`."""

    def __init__(
        self, detail: str, *, expected: str = "", hint: str = "", status: int = 0, kind: str = ""
    ) -> None:
        super().__init__(" ".join(part for part in (detail, expected, hint) if part))
        self.detail = detail
        """What is wrong."""
        self.expected = expected
        """What was expected; may be empty."""
        self.hint = hint
        """What to do; may be empty."""
        self.status = status
        """Status of the HTTP response; 0 if there was none."""
        self.type = kind
        """Kind of the problem, such as `urn:tessera:scan-too-large`; stable between versions."""


class RequestRefused(TesseraError):
    """The server refuses the request; the same request would be refused again."""


class NotFound(RequestRefused):
    """No such scan, job, batch, model or upload in this project."""


class Conflict(RequestRefused):
    """Not possible in the current state, or an idempotency key of another request."""


class NotAllowed(RequestRefused):
    """The token is missing, is not valid, or lacks a permission."""


class SeveralScans(RequestRefused):
    """The upload holds several scans, and the request does not choose one of them."""

    choices: "tuple[Choice, ...]" = ()
    """The scans; upload again with a `Selection` of one of them, or use `upload_each`."""


class ServerFailed(TesseraError):
    """A fault of the server, or its disk is full."""


class Unavailable(TesseraError):
    """The server, or a part that it needs, does not respond. Retrying may help."""

    retry_after_s: float = 0.0
    """Time in seconds that the server asks to wait; 0: not stated."""
    sent: bool = True
    """Whether the server may have processed the request."""
    first_contact: bool = False
    """Whether the server refused the connection and has not responded to this client yet."""


class UnexpectedResponse(TesseraError):
    """The response is not one of a Tessera server, or of a version that differs too much."""


class JobFailed(TesseraError):
    """A job ended without a mask: it failed or was cancelled."""

    def __init__(self, job: "Job") -> None:
        problem: Problem | None = job.error
        super().__init__(
            problem.detail if problem else f"The job was {job.state}.",
            expected=problem.expected if problem else "",
            hint=problem.hint if problem else "",
            status=problem.status if problem else 0,
            kind=problem.type if problem else "",
        )
        self.job = job
        """The job in its last state."""


class InvalidAddress(TesseraError, ValueError):
    """The server's address is not a URL of HTTP or HTTPS."""

    def __init__(self) -> None:
        super().__init__(
            "The server's address is not a valid HTTP URL.",
            expected="A URL such as http://127.0.0.1:8000.",
            hint="Correct the address.",
        )
