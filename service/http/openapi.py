"""The OpenAPI description, and a page that shows it without loading anything from elsewhere."""

import html
import json
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from starlette.responses import HTMLResponse, JSONResponse

from service.auth import Permission
from service.http.permissions import Allowed
from service.http.route_permissions import route_permissions
from service.http.router import Router
from service.http.security_headers import API_POLICY
from service.http.security_schemes import SCHEMES, security_of
from service.schemas import Problem
from service.schemas.examples import EXAMPLES

router = Router(include_in_schema=False)

Json = dict[str, Any]
ABOUT = (
    "Segments medical scans: upload a scan, create a job, follow it, download the mask. "
    "Every error is an RFC 9457 problem that says what is wrong (detail), what was expected "
    "(expected) and what to do (hint)."
)
_PROBLEM: Json = {
    "description": "What is wrong, what was expected, what to do.",
    "content": {
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}},
    },
}
_PERMISSION = "x-tessera-permission"
"""Extension of an operation: the permission that it needs; absent if it is public."""
_STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem}
code,pre{font:14px/1.4 ui-monospace,monospace}pre{background:#f2f3f5;padding:.7rem;overflow:auto}
h2{margin-top:2.2rem;border-top:1px solid #ccd;padding-top:1rem}b{font-weight:600}"""


def install(app: FastAPI) -> None:
    """Gives the app a description with an example of each schema and a problem for each error."""

    def describe() -> Json:
        if app.openapi_schema is None:
            app.openapi_schema = _described(app)
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign] # the hook that FastAPI documents
    app.include_router(router)


@router.get("/openapi.json", dependencies=[Allowed(Permission.PUBLIC)])
def description(request: Request) -> JSONResponse:
    """The OpenAPI description."""
    return JSONResponse(request.app.openapi())


@router.get("/docs", dependencies=[Allowed(Permission.PUBLIC)])
def docs(request: Request) -> HTMLResponse:
    """The API on one page; nothing is loaded from another host."""
    text = "".join(_page(request.app.openapi()))
    policy = f"{API_POLICY}; style-src 'unsafe-inline'"
    return HTMLResponse(text, headers={"Content-Security-Policy": policy})


def _described(app: FastAPI) -> Json:
    description = get_openapi(
        title=app.title, version=app.version, description=ABOUT, routes=app.routes
    )
    permissions = _permissions(app)
    for path, method, operation in _operations(description):
        operation["responses"].pop("422", None)  # FastAPI's own, which is never sent
        operation["responses"]["default"] = _PROBLEM
        permission = permissions[path, method]
        operation.setdefault("security", security_of(permission))
        if permission is not Permission.PUBLIC:
            operation[_PERMISSION] = permission
    description["components"]["securitySchemes"] = dict(SCHEMES)
    schemas = description["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs", {}))
    schemas["Problem"] = problem
    for name, example in EXAMPLES.items():
        if name in schemas:
            schemas[name]["examples"] = [example]
    return description


def _permissions(app: FastAPI) -> dict[tuple[str, str], Permission]:
    """The permission of each route, by its path and method."""
    routes = route_permissions(app)
    return {(one.path, one.method): permission for one in routes for permission in one.permissions}


def _operations(described: Mapping[str, Any]) -> Iterator[tuple[str, str, Json]]:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def _page(described: Mapping[str, Any]) -> Iterator[str]:
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    yield f"<title>Tessera: the API</title><style>{_STYLE}</style></head><body>"
    yield f"<h1>Tessera {html.escape(described['info']['version'])}</h1><p>{ABOUT}</p>"
    yield '<p>For programs: <a href="openapi.json">openapi.json</a>.</p>'
    yield from _sign_in(described["components"]["securitySchemes"])
    for path, method, operation in _operations(described):
        yield f"<h2><code>{method} {html.escape(path)}</code></h2>"
        yield f"<p>{html.escape(operation['description'])}</p>"
        yield _needed(operation)
        yield from _parameters(operation)
        yield from _body(operation)
        yield from _responses(operation)
    yield "</body></html>"


def _sign_in(schemes: Mapping[str, Json]) -> Iterator[str]:
    yield "<p>If the service has accounts, a request needs one of these:</p><ul>"
    for name, scheme in schemes.items():
        yield f"<li><code>{name}</code>: {_with_code(scheme['description'])}</li>"
    yield "</ul>"


def _with_code(text: str) -> str:
    """The text in HTML, with what is in backticks as code."""
    parts = html.escape(text).split("`")
    return "".join(f"<code>{one}</code>" if n % 2 else one for n, one in enumerate(parts))


def _needed(operation: Json) -> str:
    permission, security = operation.get(_PERMISSION), operation["security"]
    if permission is not None:
        return f"<p><b>Permission</b> <code>{permission}</code></p>"
    schemes = ", ".join(f"<code>{name}</code>" for one in security for name in one)
    return f"<p><b>Needs</b> {schemes or 'no sign-in'}</p>"


def _parameters(operation: Json) -> Iterator[str]:
    parameters = [p for p in operation.get("parameters", ()) if p["in"] != "path"]
    if parameters:
        names = ", ".join(f"<code>{html.escape(p['name'])}</code> ({p['in']})" for p in parameters)
        yield f"<p><b>Parameters</b> {names}</p>"


def _body(operation: Json) -> Iterator[str]:
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"<p><b>Body</b> <code>{html.escape(kind)}</code></p>"
        yield _example(content, '-F "files=@scan.nii.gz"')


def _responses(operation: Json) -> Iterator[str]:
    for status, response in operation["responses"].items():
        if status == "default":
            continue
        yield f"<p><b>{status}</b> {html.escape(response['description'])}</p>"
        for content in response.get("content", {}).values():
            yield _example(content, "")


def _example(content: Json, default: str) -> str:
    schema = content.get("schema", {})
    reference = schema.get("$ref") or schema.get("items", {}).get("$ref", "")
    example: Any = EXAMPLES.get(reference.rpartition("/")[2])
    if example is not None and schema.get("type") == "array":
        example = [example]
    shown = content.get("example", default) if example is None else json.dumps(example, indent=2)
    return f"<pre>{html.escape(shown)}</pre>" if shown else ""
