"""The driver for `async` programs, on asyncio or trio."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing
from typing import Any, TypeVar

import anyio
import httpx

from tessera_client.drivers.http import CountedFile, Endpoint, async_blocks
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


class AsyncDriver:
    """Makes steps with `httpx.AsyncClient`; several tasks may use it."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._http = httpx.AsyncClient(**endpoint.settings)

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def run(self, steps: Steps[T]) -> T:
        """Makes all steps and returns the operation's result."""
        result: list[T] = []
        async with aclosing(self.values(_keeping(steps, result))) as values:
            async for _ in values:
                pass
        return result[0]

    async def values(self, steps: Steps[Any]) -> AsyncGenerator[Any, None]:
        """Makes the steps and yields what the operation emits."""
        stream = _Stream(self._http, self._endpoint)
        result: Any = None
        error: BaseException | None = None
        try:
            while True:
                try:
                    step = steps.send(result) if error is None else steps.throw(error)
                except StopIteration:
                    return
                result, error = None, None
                if isinstance(step, Emit):
                    yield step.value
                    continue
                try:
                    result = await self._made(step, stream)
                except BaseException as failure:  # noqa: BLE001 - it is raised in the operation
                    error = failure
        finally:
            steps.close()
            await stream.close()

    async def _made(self, step: Step, stream: "_Stream") -> Any:
        match step:
            case Send(request):
                await stream.open(request)
                return await stream.whole()
            case Open(request):
                return await stream.open(request)
            case Next():
                return await stream.next()
            case Close():
                return await stream.close()
            case Sleep(seconds):
                return await anyio.sleep(seconds)
            case _:
                raise TypeError(step)


def _keeping(steps: Steps[T], result: list[T]) -> Steps[None]:
    """The same steps; the result is appended to a list, as an async generator returns nothing."""
    result.append((yield from steps))


class _Stream:
    """The response that is being read."""

    def __init__(self, http: httpx.AsyncClient, endpoint: Endpoint) -> None:
        self._http, self._endpoint = http, endpoint
        self._stack = AsyncExitStack()
        self._blocks: AsyncIterator[bytes]

    async def open(self, request: Request) -> Reply:
        await self.close()
        with self._endpoint.reporting():
            self._response = await self._stack.enter_async_context(
                self._http.stream(**self._endpoint.arguments(request), **self._body(request))
            )
            self._blocks = self._response.aiter_bytes()
            reply = self._endpoint.reply(self._response)
            return reply if reply.is_success else await self.whole()

    async def whole(self) -> Reply:
        with self._endpoint.reporting():
            content = await self._response.aread()
        await self.close()
        return self._endpoint.reply(self._response, content)

    async def next(self) -> bytes | None:
        with self._endpoint.reporting():
            return await anext(self._blocks, None)

    async def close(self) -> None:
        await self._stack.aclose()

    def _body(self, request: Request) -> dict[str, Any]:
        match request.body:
            case FileForm():
                file = self._stack.enter_context(CountedFile(request.body))
                return {"files": {"files": (request.body.name, file)}}
            case FileRest():
                return {"content": async_blocks(request.body)}
            case bytes():
                return {"content": request.body}
            case _:
                return {}
