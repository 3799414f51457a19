"""The review page: served as built, with the right types; told how to build where it is not."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from service.http import errors
from service.routes import page
from tests.support.answers import ask, check_problem

Get = Callable[[str], httpx.Response]


@pytest.fixture
def static(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place for the page, instead of the one that may have been built."""
    folder = tmp_path / "static"
    monkeypatch.setattr(page, "STATIC", folder)
    return folder


@pytest.fixture
def get(static: Path) -> Get:
    """GET of a path, from the page's routes alone."""
    app = FastAPI()
    errors.install(app)
    app.include_router(page.router)
    return lambda path: ask(app, path)


def test_page_that_was_not_built(get: Get) -> None:
    answer = get("/")
    assert answer.status_code == 200
    assert "npm run build" in answer.text
    assert answer.headers["cache-control"] == "no-cache"


def test_page(get: Get, static: Path) -> None:
    (static / "assets").mkdir(parents=True)
    kinds = {
        "index.html": "text/html; charset=utf-8",
        "favicon.svg": "image/svg+xml",
        "assets/main-1a2b.js": "text/javascript; charset=utf-8",
        "assets/main-1a2b.css": "text/css; charset=utf-8",
        "assets/codec-1a2b.wasm": "application/wasm",
    }
    for name in kinds:
        (static / name).write_bytes(name.encode())
    assert get("/").content == b"index.html"
    for name, kind in kinds.items():
        answer = get(f"/{name}")
        assert (answer.content, answer.headers["content-type"]) == (name.encode(), kind)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'self'; img-src 'self' blob: data:; ")
        forever = "immutable" in answer.headers["cache-control"]
        assert forever == name.startswith("assets/")


@pytest.mark.parametrize(
    "path",
    [
        "/assets/none.js",
        "/none.png",
        "/assets/..%2findex.html",
        "/assets/%2e%2e",
        "/page.py",
        "/a.b",
    ],
)
def test_no_such_file(get: Get, static: Path, path: str) -> None:
    (static / "assets").mkdir(parents=True)
    (static / "index.html").write_text("page")
    (static / "a.b").write_text("a file of no kind that a page needs")
    check_problem(get(path), 404)
