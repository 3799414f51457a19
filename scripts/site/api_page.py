"""The page of the HTTP API, made from the OpenAPI description that the gateway serves."""

import tempfile
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import json_schema
from md import code, sentence, table

from jobs import problem
from jobs.settings import Settings
from service.app import create_app
from service.http import errors

Json = dict[str, Any]
METHODS = ("get", "head", "post", "put", "patch", "delete", "options")
INTRODUCTION = """# HTTP API

The gateway serves this description as `/openapi.json`, and as a page at `/docs`. A guided tour with
commands that run is in [Use the API](../how-to/api.md).

"""
PROBLEMS = """## Problems

Every error is `application/problem+json` ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)):
`type` is stable and meant for programs, `detail` says what is wrong, `expected` what was expected,
and `hint` what to do. Problems never contain patient data. `http-400`, `http-404` and `http-405`
are answered where no route is reached; `unexpected` (500) carries an `instance` that is also in the
log.
"""


def page() -> str:
    """Markdown: routes by tag, then problems, then the bodies that routes name."""
    with tempfile.TemporaryDirectory() as folder:
        described = create_app(Settings(data=Path(folder))).openapi()
    lines = [INTRODUCTION + sentence(described["info"].get("description", "")), ""]
    for tag in dict.fromkeys(
        tag for _, _, operation in _routes(described) for tag in operation["tags"]
    ):
        lines += [f"## {tag.capitalize()}", ""]
        for method, path, operation in _routes(described):
            if tag in operation["tags"]:
                lines += _route(method, path, operation)
    return "\n".join([*lines, *_problems(), *_bodies(described)])


def _routes(described: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in described["paths"].items():
        for method in METHODS:
            if method in methods:
                yield method.upper(), path, methods[method]


def _route(method: str, path: str, operation: Json) -> list[str]:
    lines = [f"### {method} `{path}`", "", operation.get("description", ""), ""]
    lines += table(
        ("parameter", "in", "value", "default", "description"),
        (
            (
                code(p["name"]),
                p["in"],
                json_schema.kind(p["schema"]),
                "**required**" if p.get("required") else json_schema.default(p["schema"]),
                p.get("description") or p["schema"].get("description", ""),
            )
            for p in operation.get("parameters", ())
        ),
    )
    for media, body in operation.get("requestBody", {}).get("content", {}).items():
        lines += [f"Body, {code(media)}:", "", *_fields_or_name(body["schema"])]
    return [*lines, *table(("status", "answer"), _answers(operation))]


def _fields_or_name(body: Json) -> list[str]:
    if body.get("properties"):
        return json_schema.fields(body)
    return [json_schema.kind(body), ""]


def _answers(operation: Json) -> Iterator[tuple[str, str]]:
    for status, answer in operation["responses"].items():
        kinds = [
            f"{json_schema.kind(body.get('schema', {}))} ({code(media)})"
            for media, body in answer.get("content", {}).items()
        ]
        stated = sentence(answer.get("description", ""))
        if stated == "Successful Response":
            stated = HTTPStatus(int(status)).phrase
        name = "other" if status == "default" else status
        yield name, " ".join([stated.rstrip(".") + ".", *kinds[:1]])


def _problems() -> list[str]:
    rows = sorted((a.status, problem.type_of(kind), a.title) for kind, a in errors.TABLE.items())
    return [
        PROBLEMS,
        *table(("status", "type", "title"), ((str(s), code(t), title) for s, t, title in rows)),
    ]


def _bodies(described: Json) -> list[str]:
    lines = ["## Bodies", ""]
    for name, body in sorted(described["components"]["schemas"].items()):
        lines += [f"### {name}", "", sentence(body.get("description", "")), ""]
        lines += (
            json_schema.fields(body) if body.get("properties") else [json_schema.kind(body), ""]
        )
    return lines
