"""The client's types and addresses are those that the gateway's OpenAPI describes."""

import dataclasses
import re
import types
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest

import tessera_client
from jobs.settings import Settings
from models.registry import Registry
from service.app import create_app
from tests.support.processes import ROOT

SCHEMAS = {
    "Assignment": "AssignmentOut",
    "Batch": "BatchOut",
    "BatchOutcome": "BatchOutcomeOut",
    "BatchReview": "BatchReviewOut",
    "Choice": "Choice",
    "ComparedMask": "ComparedMaskOut",
    "Draft": "DraftOut",
    "Format": "FormatOut",
    "Health": "Ready",
    "Job": "JobOut",
    "JobOptions": "OptionsIn",
    "JobRequest": "JobIn",
    "Label": "LabelOut",
    "LabelChange": "LabelChangeOut",
    "LabelComparison": "LabelComparisonOut",
    "MaskComparison": "ComparisonOut",
    "Model": "ModelOut",
    "Problem": "Problem",
    "Progress": "ProgressOut",
    "RefusedScan": "RefusedOut",
    "Estimate": "EstimateOut",
    "MaskOverlap": "OverlapOut",
    "ReaderAgreement": "ReaderAgreementOut",
    "ReadingAgreement": "AgreementOut",
    "ReadingOptions": "SecondReadingIn",
    "ReadingProgress": "ReadingProgressOut",
    "SecondReading": "SecondReadingOut",
    "Unblinding": "UnblindingOut",
    "VerdictPair": "VerdictPairOut",
    "ReaderMeasurement": "MeasurementOut",
    "Review": "ReviewOut",
    "Scan": "ScanOut",
    "UnusualSize": "UnusualSizeOut",
    "Upload": "ScansOut",
    "UploadedMask": "UploadedMaskOut",
    "Window": "WindowOut",
}
"""Type of the client -> schema of the gateway."""
OWN = {"Segmentation", "Selection", "Retries"}
"""Types that are not JSON of the gateway."""
ENUMS = ("JobState", "ReadingState")
"""Schemas of text with a fixed list of values."""
OPEN_ENUMS = {"Assigned", "MeasurementKind", "Outcome", "Reason", "Role"}
"""Schemas of such text."""
OPEN = {"unit", "value_unit", "device", "precision", "mask", "mask_format", "delivery"}
"""Text in the client, of which the gateway lists the values that it knows."""
LATER = {
    *("fraction", "preparing", "queue", "no_worker", "waiting_for", "card", "series"),
    *("second_reading", "role"),
    *("modality", "reviewer", "warnings", "masks", "uploaded"),
    *("uploaded_name", "uploaded_by"),
    *("window", "windows", "inverted", "value_unit", "subject", "series_number", "study_date"),
    *("study", "frame_of_reference"),
    *("reasons", "withdrawn_at", "measurements", "base", "seconds", "changes"),
    *("review", "assignee", "doubts", "unusual_sizes"),
}
"""Members that older gateways do not send."""


@pytest.fixture(scope="module")
def description(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("described")
    return create_app(Settings(data=folder), Registry(folder)).openapi()


def kinds() -> dict[str, Any]:
    exported = {name: getattr(tessera_client, name) for name in tessera_client.__all__}
    return {n: kind for n, kind in exported.items() if dataclasses.is_dataclass(kind)}


def shape_of(schema: dict[str, Any], name: str) -> Any:
    """A JSON schema as plain data, in the terms of `shape_of_hint`."""
    if "$ref" in schema:
        referred = schema["$ref"].rpartition("/")[2]
        if referred in OPEN_ENUMS:
            return "string"
        return next((n for n, other in SCHEMAS.items() if other == referred), referred)
    if "anyOf" in schema:
        parts = [shape_of(one, name) for one in schema["anyOf"]]
        return {"optional": next(one for one in parts if one != "null")}
    if "enum" in schema and name not in OPEN:
        return {"one of": sorted(schema["enum"], key=str)}
    if schema.get("type") == "array":
        items = schema.get("items") or {}
        return {"list": shape_of(items, name)}
    if schema.get("type") == "object":
        values = schema.get("additionalProperties")
        return {"map": shape_of(values, name) if isinstance(values, dict) else "any"}
    if schema.get("format") == "date-time":
        return "time"
    return schema.get("type", "any")


NAMES = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    datetime: "time",
    Any: "any",
}


def shape_of_hint(hint: Any) -> Any:
    """A type of the client, in the terms of `shape_of`."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in NAMES:
        return NAMES[hint]
    if origin in (Union, types.UnionType):
        return {"optional": shape_of_hint(arguments[0])}
    if origin is Literal:
        return {"one of": sorted(arguments, key=str)}
    if origin is tuple:
        return {"list": shape_of_hint(arguments[0])}
    if origin is not None:
        return {"map": shape_of_hint(arguments[1])}
    return hint.__name__


def test_every_type_is_compared() -> None:
    assert set(kinds()) == set(SCHEMAS) | OWN


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_type_is_its_schema(name: str, description: dict[str, Any]) -> None:
    schemas = description["components"]["schemas"]
    schema, kind = schemas[SCHEMAS[name]], kinds()[name]
    hints = get_type_hints(kind)
    assert set(hints) == set(schema["properties"])
    for member, hint in hints.items():
        there = shape_of(schema["properties"][member], member)
        here = shape_of_hint(hint)
        if isinstance(there, str) and there in ENUMS:
            there = {"one of": sorted(schemas[there]["enum"])}
        assert here == there, f"{name}.{member}"
    for field in dataclasses.fields(kind):
        has_default = field.default is not dataclasses.MISSING or (
            field.default_factory is not dataclasses.MISSING
        )
        required = field.name in schema.get("required", ())
        assert required != has_default or field.name in LATER, f"{name}.{field.name}"
        if not required and field.default is not dataclasses.MISSING and field.name not in LATER:
            stated = schema["properties"][field.name].get("default")
            if not dataclasses.is_dataclass(field.default):
                assert field.default == stated, f"{name}.{field.name}"


def test_every_address_is_a_route(description: dict[str, Any]) -> None:
    """Each path in the operations is one that the gateway describes, with the same method."""
    routes = {
        (method.upper(), re.sub(r"\{\w+\}", "{}", path))
        for path, methods in description["paths"].items()
        for method in methods
    }
    called = set()
    for file in (ROOT / "client" / "tessera_client" / "operations").glob("*.py"):
        text = Path(file).read_text()
        for method, path in re.findall(r'Request\(\s*"([A-Z]+)", f?"(/[^"]*)"', text):
            called.add((method, re.sub(r"\{[^}]+\}", "{}", path)))
    dynamic = {("POST", "/v1/jobs/{}/{}"), ("GET", "/v1/jobs/{}")}
    assert called - dynamic <= routes
    assert len(called) > 15
