"""The description of the API is true: valid, exemplified, and every route in it answers."""

import itertools
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from openapi_spec_validator import validate
from pydantic import BaseModel, RootModel

from imaging.formats import registry
from imaging.formats.dicom import objects
from service import schemas
from service.schemas.examples import EXAMPLES
from service.use_cases.archives import RemoteSeries
from tests.support.answers import check_problem
from tests.support.gateway import Gateway
from tests.support.images import nifti_bytes

SIGN_IN = {
    ("/v1/session", "post"): 409,
    ("/v1/passwords", "post"): 409,
    ("/v1/session/renewal", "post"): 401,
    ("/v1/session/password", "put"): 401,
    ("/v1/sessions", "get"): 401,
    ("/v1/sessions", "delete"): 401,
    ("/v1/sessions/{sign_in_id}", "delete"): 401,
}
"""What a gateway without accounts answers."""
OWN_SESSION = {request for request, status in SIGN_IN.items() if status == 401}
"""What somebody who signed in may do with the own session alone."""
PUBLIC = {"/v1/formats", "/v1/session", "/v1/passwords", "/healthz", "/readyz"} | {
    path for path, _ in OWN_SESSION
}
"""Paths that need no permission."""
PATHS = {
    "/v1/scans": {"get", "post"},
    "/v1/scans/{scan_id}": {"get", "delete"},
    "/v1/scans/{scan_id}/uses": {"get"},
    "/v1/scans/{scan_id}/related": {"get"},
    "/v1/scans/{scan_id}/volume": {"get"},
    "/v1/scans/{scan_id}/models": {"get"},
    "/v1/scans/{scan_id}/masks": {"post"},
    "/v1/scans/{scan_id}/tiles": {"get"},
    "/v1/scans/{scan_id}/tiles/{level}/{row}/{column}": {"get"},
    "/v1/scans/uploaded": {"post"},
    "/v1/uploads": {"options", "post"},
    "/v1/uploads/{upload_id}": {"head", "patch", "delete"},
    "/v1/webhooks": {"get"},
    "/v1/webhooks/messages": {"get"},
    "/v1/webhooks/messages/resend": {"post"},
    "/v1/webhooks/messages/{message_id}/resend": {"post"},
    "/v1/webhooks/{name}/test": {"post"},
    "/v1/jobs": {"get", "post"},
    "/v1/jobs/counts": {"get"},
    "/v1/jobs/events": {"get"},
    "/v1/jobs/{job_id}": {"get"},
    "/v1/jobs/{job_id}/events": {"get"},
    "/v1/jobs/{job_id}/cancel": {"post"},
    "/v1/jobs/{job_id}/retry": {"post"},
    "/v1/formats": {"get"},
    "/v1/session": {"get", "post", "delete"},
    "/v1/session/renewal": {"post"},
    "/v1/session/password": {"put"},
    "/v1/sessions": {"get", "delete"},
    "/v1/sessions/{sign_in_id}": {"delete"},
    "/v1/users/{login}/sessions": {"get", "delete"},
    "/v1/users/{login}/sessions/{sign_in_id}": {"delete"},
    "/v1/passwords": {"post"},
    "/v1/users/{login}/setup-link": {"post"},
    "/v1/jobs/{job_id}/downloads": {"get"},
    "/v1/jobs/{job_id}/mask": {"get"},
    "/v1/jobs/{job_id}/mask/tiles": {"get"},
    "/v1/jobs/{job_id}/mask/tiles/{level}/{row}/{column}": {"get"},
    "/v1/jobs/{job_id}/report": {"get"},
    "/v1/jobs/{job_id}/preview.png": {"get"},
    "/v1/jobs/{job_id}/comparison": {"get"},
    "/v1/jobs/{job_id}/reviews": {"get", "post"},
    "/v1/jobs/{job_id}/assistance": {"post"},
    "/v1/jobs/{job_id}/draft": {"get", "put", "delete"},
    "/v1/drafts": {"get"},
    "/v1/jobs/{job_id}/drafts": {"get"},
    "/v1/jobs/{job_id}/draft/changes": {"get"},
    "/v1/jobs/{job_id}/draft/changes/{number}": {"put"},
    "/v1/jobs/{job_id}/reviews/{review_id}/mask": {"get"},
    "/v1/jobs/{job_id}/reviews/{review_id}/measurements": {"get"},
    "/v1/jobs/{job_id}/reviews/{review_id}/report": {"get"},
    "/v1/jobs/{job_id}/reviews/{review_id}/withdraw": {"post"},
    "/v1/jobs/{job_id}/second-reading": {"get", "put", "delete"},
    "/v1/jobs/{job_id}/second-reading/unblind": {"post"},
    "/v1/second-readings": {"post"},
    "/v1/second-readings/agreement": {"get"},
    "/v1/second-readings/agreement.csv": {"get"},
    "/v1/jobs/{job_id}/viewers/{viewer_id}": {"put", "delete"},
    "/v1/jobs/{job_id}/assignee": {"put"},
    "/v1/assignments": {"post"},
    "/v1/batch-reviews": {"post"},
    "/v1/batch-reviews/{batch_id}/withdraw": {"post"},
    "/v1/account": {"get"},
    "/v1/audit": {"get"},
    "/v1/retention": {"get"},
    "/v1/retention/reports": {"get"},
    "/v1/holds": {"get", "post"},
    "/v1/holds/{hold_id}": {"delete"},
    "/v1/keys": {"get", "post"},
    "/v1/keys/{key_id}": {"delete"},
    "/v1/users": {"get", "post"},
    "/v1/users/{login}/membership": {"put", "delete"},
    "/v1/batches": {"post"},
    "/v1/batches/{batch_id}": {"get"},
    "/v1/jobs/{job_id}/deliveries": {"get", "post"},
    "/v1/peers": {"get"},
    "/v1/peers/{name}/health": {"get"},
    "/v1/peers/{name}/series": {"get"},
    "/v1/scans/pull": {"post"},
    "/v1/models": {"get"},
    "/v1/models/{name}": {"get"},
    "/v1/trainings": {"get", "post"},
    "/v1/trainings/preview": {"get"},
    "/v1/trainings/{training_id}": {"get"},
    "/v1/trainings/{training_id}/cancel": {"post"},
    "/v1/trainings/{training_id}/retry": {"post"},
    "/v1/trainings/{training_id}/publish": {"post"},
    "/v1/trainings/{training_id}/events": {"get"},
    "/healthz": {"get"},
    "/readyz": {"get"},
    "/metrics": {"get"},
}
"""What the design promises; a route that is missing or not listed here fails."""

BOX = {"low": [0] * 3, "high": [1] * 3}
NOBODYS = "0d9a2f6c1f4b4c0e8f4f5b7a9d3c2e11"
TUS = {
    "Tus-Resumable": "1.0.0",
    "Upload-Length": "9",
    "Upload-Offset": "0",
    "Content-Type": "application/offset+octet-stream",
}
"""Headers of requests about uploads."""

WIRE = {
    name: kind
    for name, kind in vars(schemas).items()
    if isinstance(kind, type) and issubclass(kind, BaseModel) and name[0].isupper()
    if kind is not BaseModel
} | {"RemoteSeries": RootModel[RemoteSeries]}


def test_formats_on_the_wire_are_those_that_are_written(gateway: Gateway) -> None:
    """The API's enums are the registry's formats; every DICOM object has its writer."""
    described = gateway.client.get("/openapi.json").json()
    masks, reports = (
        _enum(described["paths"][f"/v1/jobs/{{job_id}}/{kind}"]["get"]["parameters"])
        for kind in ("mask", "report")
    )
    models = described["components"]["schemas"]
    delivered = models["DeliveriesIn"]["properties"]["formats"]["items"]["enum"]
    stored = models["JobOut"]["properties"]["mask_format"]["anyOf"][0]["enum"]
    assert masks == registry.names(registry.MASK_FORMATS)
    assert reports == registry.names(registry.REPORT_FORMATS)
    assert stored == ["nifti", "png", "ome-tiff"]
    assert set(delivered) == set(objects.FORMS)
    assert {one.name for one in registry.MASK_FORMATS if one.needs_description} == (
        set(objects.FORMS) & set(masks)
    )


def _enum(parameters: list[dict[str, Any]]) -> list[str]:
    (schema,) = (one["schema"] for one in parameters if one["name"] == "format")
    return list(schema["anyOf"][0]["enum"])


def test_description_is_valid(gateway: Gateway) -> None:
    described = gateway.client.get("/openapi.json").json()
    validate(described)
    assert {path: set(methods) for path, methods in described["paths"].items()} == PATHS
    for methods in described["paths"].values():
        for operation in methods.values():
            assert operation["description"]
            problem = operation["responses"]["default"]["content"]["application/problem+json"]
            assert problem["schema"]["$ref"].endswith("/Problem")
            assert "422" not in operation["responses"]


def test_what_a_request_needs_is_described(gateway: Gateway) -> None:
    """A key or a session where the route has a permission, and nothing where it is public."""
    described = gateway.client.get("/openapi.json").json()
    schemes = described["components"]["securitySchemes"]
    assert {(one["type"], one.get("scheme", one.get("in"))) for one in schemes.values()} == {
        ("http", "bearer"),
        ("http", "basic"),
        ("apiKey", "cookie"),
    }
    by_permission: list[Any] = [*({name: []} for name in schemes), {}]
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            needed, own = operation.get("x-tessera-permission"), (path, method) in OWN_SESSION
            security = [{"session": []}] if own else by_permission if needed else []
            assert operation["security"] == security, path
            assert (needed is None) is (path in PUBLIC), path
    assert described["paths"]["/v1/scans"]["get"]["x-tessera-permission"] == "scans:read"


def test_events_are_described(gateway: Gateway) -> None:
    """A stream is text; the schema says what its events hold, and that their data is a JobOut."""
    described = gateway.client.get("/openapi.json").json()
    operation = described["paths"]["/v1/jobs/{job_id}/events"]["get"]
    (stream,) = (one["schema"] for one in operation["responses"]["200"]["content"].values())
    assert (stream["type"], stream["contentMediaType"]) == ("string", "text/event-stream")
    event = stream["contentSchema"]["items"]
    data = event["properties"].pop("data")
    assert data["contentSchema"]["$ref"] == "#/components/schemas/JobOut"
    scan = gateway.scan(nifti_bytes(seed=72))
    job = gateway.job(scan=scan, model="hippocampus-mri-3d")["id"]
    with gateway.client.stream("GET", f"/v1/jobs/{job}/events") as answer:
        lines = list(itertools.takewhile(bool, answer.iter_lines()))
    sent = dict(line.split(": ", 1) for line in lines)
    schemas.JobOut.model_validate_json(sent.pop("data"))
    validator = Draft202012Validator(
        event | {"required": list(sent), "additionalProperties": False}
    )
    validator.validate(sent)


def test_every_parameter_is_described(gateway: Gateway) -> None:
    description = gateway.client.get("/openapi.json").json()
    silent = [
        f"{method} {path} {parameter['name']}"
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
        for parameter in operation.get("parameters", [])
        if not parameter.get("description")
    ]
    assert silent == []


def test_every_model_has_an_example(gateway: Gateway) -> None:
    described = gateway.client.get("/openapi.json").json()["components"]["schemas"]
    models = {name for name, schema in described.items() if schema.get("type") == "object"}
    assert models == set(WIRE)
    assert all(described[name]["examples"] for name in models)


@pytest.mark.parametrize("name", WIRE)
def test_examples_are_what_they_exemplify(name: str) -> None:
    """Read by its model and written again, an example says the same."""
    read = WIRE[name].model_validate(EXAMPLES[name])
    written = read.model_dump(mode="json", exclude_unset=True)
    assert _rounded(written) == _rounded(EXAMPLES[name])


def _rounded(value: object) -> object:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


@pytest.mark.parametrize("path", PATHS)
def test_every_route_answers(gateway: Gateway, path: str) -> None:
    """With the examples' ids, which are nobody's, each route does its work or says 404."""
    for method in PATHS[path]:
        url = re.sub(r"\{\w+\}", NOBODYS, re.sub(r"\{(level|row|column|number)\}", "9", path))
        params: dict[str, Any] = {"id": NOBODYS} if path == "/v1/jobs/events" else {}
        params = {"model": NOBODYS} if path == "/v1/trainings/preview" else params
        params |= {"draft": NOBODYS} if path.endswith("{number}") else {}
        params |= BOX if path.endswith("/assistance") else {}
        body = {"/v1/jobs": "JobIn", "/v1/batches": "BatchIn"}.get(path)
        body = "TrainingIn" if path == "/v1/trainings" else body
        body = "ReviewIn" if path.endswith("/reviews") else body
        body = "DeliveriesIn" if path.endswith("/deliveries") else body
        body = "PullIn" if path.endswith("/pull") else body
        body = "SecondReadingsIn" if path == "/v1/second-readings" else body
        body = "LabelMapIn" if path.endswith("{scan_id}/masks") else body
        body = "HoldIn" if path == "/v1/holds" else body
        body = "UploadedIn" if path.endswith("/uploaded") else body
        body = "RoleIn" if path.endswith("/membership") else body
        body = "AssigneeIn" if path.endswith("/assignee") else body
        body = {"/v1/assignments": "AssignmentsIn", "/v1/batch-reviews": "BatchReviewIn"}.get(
            path, body
        )
        files = (
            {"files": ("a", nifti_bytes(seed=70))}
            if (path, method) == ("/v1/scans", "post")
            else None
        )
        json = EXAMPLES[body] if body and method in ("post", "put") else None
        tus = TUS if path.startswith("/v1/uploads") else {}
        answer = gateway.client.request(
            method, url, params=params, json=json, files=files, headers=tus
        )
        if path in ("/v1/assignments", "/v1/batch-reviews"):
            (result,) = answer.json()["results"]
            assert result["outcome"] == "not-found"
        elif json is EXAMPLES["TrainingIn"]:
            check_problem(answer, 422)  # there is no judged mask
        elif (path, method) in SIGN_IN:
            check_problem(answer, SIGN_IN[path, method])
        elif path in ("/v1/keys", "/v1/users") and method == "post":
            check_problem(answer, 422)  # no body: the first account would close this gateway
        elif "{" in path or json is not None or params:
            assert answer.status_code == 404
            if method != "head":
                check_problem(answer, 404)
            assert "address" not in answer.text
        else:
            assert answer.is_success, answer.text


def test_docs_page_fetches_nothing(gateway: Gateway) -> None:
    answer = gateway.client.get("/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert not re.search(r"<script|<link|<img|src=|@import|https?://", answer.text)
    for path in PATHS:
        assert f"{path}</code>" in answer.text
    assert "script-src" not in answer.headers["content-security-policy"]
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "hippocampus-mri-3d" in answer.text
    assert "<b>Permission</b> <code>scans:read</code>" in answer.text
