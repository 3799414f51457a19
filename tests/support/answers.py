"""Answers of the HTTP interface: how to get one without a server, and what a problem contains."""

import anyio
import httpx
from starlette.types import ASGIApp


def ask(app: ASGIApp, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
    """What an app without a server answers to GET."""

    async def get() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get(path, headers=headers)

    return anyio.run(get)


def check_problem(answer: httpx.Response, status: int, *secrets: str) -> dict[str, object]:
    """The answer is a whole problem of this status that quotes nothing of the caller's."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    for name in ("type", "title", "detail", "hint"):
        assert problem[name], problem
    assert "Traceback" not in answer.text
    for secret in secrets:
        assert secret not in answer.text
    return dict(problem)
