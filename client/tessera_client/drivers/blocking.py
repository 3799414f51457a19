"""The driver that blocks the calling thread."""

import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from typing import Any, TypeVar

import httpx

from tessera_client.drivers.http import CountedFile, Endpoint, blocks
from tessera_client.steps import (
    Close,
    Emit,
    FileForm,
    FileRest,
    Next,
    Open,
    Reply,
    Request,
    Send,
    Sleep,
    Step,
    Steps,
)

T = TypeVar("T")


class BlockingDriver:
    """Makes steps with `httpx.Client`; several threads may use it."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._http = httpx.Client(**endpoint.settings)

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def run(self, steps: Steps[T]) -> T:
        """Makes all steps and returns the operation's result."""
        values = self.values(steps)
        while True:
            try:
                next(values)
            except StopIteration as end:
                result: T = end.value
                return result

    def values(self, steps: Steps[T]) -> Generator[Any, None, T]:
        """Makes the steps and yields what the operation emits."""
        stream = _Stream(self._http, self._endpoint)
        result: Any = None
        error: BaseException | None = None
        try:
            while True:
                try:
                    step = steps.send(result) if error is None else steps.throw(error)
                except StopIteration as end:
                    value: T = end.value
                    return value
                result, error = None, None
                if isinstance(step, Emit):
                    yield step.value
                    continue
                try:
                    result = self._made(step, stream)
                except BaseException as failure:  # noqa: BLE001 - it is raised in the operation
                    error = failure
        finally:
            steps.close()
            stream.close()

    def _made(self, step: Step, stream: "_Stream") -> Any:
        match step:
            case Send(request):
                stream.open(request)
                return stream.whole()
            case Open(request):
                return stream.open(request)
            case Next():
                return stream.next()
            case Close():
                return stream.close()
            case Sleep(seconds):
                return time.sleep(seconds)
            case _:
                raise TypeError(step)


class _Stream:
    """The response that is being read."""

    def __init__(self, http: httpx.Client, endpoint: Endpoint) -> None:
        self._http, self._endpoint = http, endpoint
        self._stack = ExitStack()
        self._blocks: Iterator[bytes] = iter(())

    def open(self, request: Request) -> Reply:
        self.close()
        with self._endpoint.reporting():
            self._response = self._stack.enter_context(
                self._http.stream(**self._endpoint.arguments(request), **self._body(request))
            )
            self._blocks = self._response.iter_bytes()
            reply = self._endpoint.reply(self._response)
            return reply if reply.is_success else self.whole()

    def whole(self) -> Reply:
        with self._endpoint.reporting():
            content = self._response.read()
        self.close()
        return self._endpoint.reply(self._response, content)

    def next(self) -> bytes | None:
        with self._endpoint.reporting():
            return next(self._blocks, None)

    def close(self) -> None:
        self._stack.close()

    def _body(self, request: Request) -> dict[str, Any]:
        match request.body:
            case FileForm():
                file = self._stack.enter_context(CountedFile(request.body))
                return {"files": {"files": (request.body.name, file)}}
            case FileRest():
                return {"content": blocks(request.body)}
            case bytes():
                return {"content": request.body}
            case _:
                return {}
