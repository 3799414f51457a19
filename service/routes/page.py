"""The review page and its assets, which the build puts into service/static.

The routes are async and read the files themselves, each once: the page is served also while all
threads wait for a part that does not answer.
"""

from functools import lru_cache
from pathlib import Path

from starlette.responses import HTMLResponse, Response

from imaging.errors import NotFound
from service.auth import Permission
from service.http.permissions import Allowed
from service.http.router import Router
from service.http.security_headers import PAGE_POLICY

router = Router(include_in_schema=False, dependencies=[Allowed(Permission.PUBLIC)])

STATIC = Path(__file__).parent.parent / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".md": "text/markdown; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
"""Media types by file ending; the system's own table may lack them or be wrong."""
_UNBUILT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Tessera</title>
<h1>Tessera is running</h1>
<p>This installation has no review page. The wheel contains it; in a checkout run
<code>npm ci</code> and <code>npm run build</code> in the folder <code>ui</code>, then reload this
page.</p>
<p>The API is available: see <a href="docs">its description</a>.</p>
</html>
"""
_IMMUTABLE = "public, max-age=31536000, immutable"
_REVALIDATE = "no-cache"


@router.get("/")
async def page() -> Response:
    """The review page; revalidated each time, so that an update is seen."""
    index = STATIC / "index.html"
    if not index.is_file():
        return HTMLResponse(_UNBUILT, headers=_headers(_REVALIDATE))
    return _response(index, _REVALIDATE)


@router.get("/assets/{name}")
async def asset(name: str) -> Response:
    """A built asset. Its name holds a hash of its content, so it never changes."""
    return _file(STATIC / "assets", name, _IMMUTABLE)


@router.get("/{name}")
async def extra(name: str) -> Response:
    """A file next to the page, such as its icon."""
    return _file(STATIC, name, _REVALIDATE)


def _file(folder: Path, name: str, caching: str) -> Response:
    path = folder / name
    if path.parent != folder or path.suffix not in _TYPES or not path.is_file():
        raise NotFound("The page has no such file.", hint="Reload the page.")
    return _response(path, caching)


def _response(path: Path, caching: str) -> Response:
    content = _content(path, path.stat().st_mtime_ns)
    return Response(content, media_type=_TYPES[path.suffix], headers=_headers(caching))


@lru_cache(maxsize=64)
def _content(path: Path, _changed_ns: int) -> bytes:
    return path.read_bytes()


def _headers(caching: str) -> dict[str, str]:
    return {"Content-Security-Policy": PAGE_POLICY, "Cache-Control": caching}
