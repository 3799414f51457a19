"""Operations as steps: what to send and what to do with the response, without sending anything.

An operation is a generator. It yields a step, is resumed with the step's result, and returns the
operation's result. If a step fails, its exception is raised at the `yield`. A driver
(`tessera_client.drivers`) makes the steps, blocking or asynchronously; so every operation exists
once.

    def scan(retries: Retries, scan_id: str) -> Steps[Scan]:
        reply = yield from exchange(retries, Request("GET", f"/v1/scans/{scan_id}"))
        return decoded(Scan, reply)
"""

import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tessera_client.decoding import NotDecodable, decode
from tessera_client.errors import UnexpectedResponse

T = TypeVar("T")

BytesSent = Callable[[int, int], None]
"""Is called with the number of bytes that are done, and of all bytes."""


@dataclass(frozen=True, slots=True)
class FileRest:
    """A body: a file from `offset` on."""

    path: Path
    offset: int
    length: int
    """Bytes of the whole file."""
    on_sent: BytesSent


@dataclass(frozen=True, slots=True)
class FileForm:
    """A body: a multipart form with one file in the field `files`."""

    path: Path
    name: str
    on_sent: BytesSent


@dataclass(frozen=True, slots=True)
class Request:
    """A request to the server."""

    method: str
    path: str
    """Path from the root of the service."""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    body: FileRest | FileForm | bytes | None = None
    repeatable: bool = True
    """Whether sending it twice has the same effect as sending it once."""
    patience_s: float | None = None
    """Time without any byte of the response until the connection counts as lost; None: the
    client's own."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A response."""

    status: int
    headers: Mapping[str, str]
    """By names in lower case."""
    content: bytes = b""
    """The body; empty for an opened stream."""

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    @property
    def media_type(self) -> str:
        """Media type of the body, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def json(self) -> Any:
        """The body as JSON; raises UnexpectedResponse."""
        try:
            return json.loads(self.content)
        except ValueError as error:
            raise not_of_tessera() from error


@dataclass(frozen=True, slots=True)
class Send:
    """Sends a request and reads the whole response: a Reply."""

    request: Request


@dataclass(frozen=True, slots=True)
class Open:
    """Sends a request and reads the head of the response: a Reply. `Next` gives the body."""

    request: Request


@dataclass(frozen=True, slots=True)
class Next:
    """The next bytes of the opened response; None at its end."""


@dataclass(frozen=True, slots=True)
class Close:
    """Closes the opened response."""


@dataclass(frozen=True, slots=True)
class Sleep:
    """Waits for some seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Emit:
    """Gives a value to the caller and goes on."""

    value: Any


Step = Send | Open | Next | Close | Sleep | Emit
Steps = Generator[Step, Any, T]


def handling(steps: Steps[T], handle: Callable[[Any], None]) -> Steps[T]:
    """The same steps, where `handle` is called with each emitted value."""
    result: Any = None
    error: BaseException | None = None
    while True:
        try:
            step = steps.send(result) if error is None else steps.throw(error)
        except StopIteration as end:
            value: T = end.value
            return value
        result, error = None, None
        try:
            if isinstance(step, Emit):
                handle(step.value)
            else:
                result = yield step
        except GeneratorExit:
            steps.close()
            raise
        except BaseException as failure:  # noqa: BLE001 - it is raised at the inner `yield`
            error = failure


def decoded(kind: type[T], reply: Reply) -> T:
    """The JSON of a response as a `kind`; raises UnexpectedResponse."""
    return decoded_value(kind, reply.json())


def decoded_value(kind: type[T], value: object) -> T:
    """JSON as a `kind`; raises UnexpectedResponse."""
    try:
        return decode(kind, value)
    except NotDecodable as error:
        raise not_of_tessera() from error


def not_of_tessera() -> UnexpectedResponse:
    """The error for a response that no Tessera server gives."""
    return UnexpectedResponse(
        "The server's response is not one of Tessera.",
        expected="The address of a Tessera server of a version near this client's.",
        hint="Check the address, and update tessera-client.",
    )
