"""Models of projects: one that a project may not use is as unknown as one that does not exist."""

from contextlib import closing
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from jobs.account import ProjectRole
from jobs.repository import Repository
from jobs.settings import Settings
from tests.support.images import nifti_bytes
from tests.support.other_project import filled_project
from tests.support.route_permissions import routes_of
from tests.support.stored_accounts import OTHER, StoredKeys
from tests.support.waiting import until

ALLOWED, TAKEN, UNKNOWN = "flat", "solid", "nosuch"
"""Models: one that the other project may use, one that it may no longer use, and none."""
_ORDER = {"scan": "{own_scan}", "model": "{model}"}
NAMING_A_MODEL: tuple[tuple[str, str, Any], ...] = (
    ("GET", "/v1/models/{model}", None),
    ("GET", "/v1/models/{model}@1.0.0", None),
    ("POST", "/v1/jobs", _ORDER),
    ("POST", "/v1/jobs", _ORDER | {"model": "{model}@1.0.0"}),
    ("POST", "/v1/batches", {"jobs": [_ORDER]}),
    ("POST", "/v1/trainings", {"model": "{model}", "steps": 20}),
    ("GET", "/v1/trainings/preview?model={model}", None),
    ("POST", "/monai-label/infer/{model}?image={own_scan}", None),
    ("POST", "/monai-label/batch/infer/{model}", None),
)
"""Method, path with query, and body of requests that name a model."""


def names(client: httpx.Client, headers: dict[str, str]) -> set[str]:
    listed = client.get("/v1/models", headers=headers)
    return {model["name"] for model in listed.json()}


@pytest.fixture(scope="module")
def own(client: httpx.Client, keys: StoredKeys, settings: Settings) -> dict[str, str]:
    """Ids of the other project, whose job was done by the model that it may no longer use."""
    ids = filled_project(client, keys.other, settings, TAKEN)
    with closing(Repository(settings.database)) as repository:
        repository.project_models.set(OTHER, {ALLOWED})
    until(lambda: TAKEN not in names(client, keys.other))
    return ids


def sent(
    client: httpx.Client, request: tuple[str, str, Any], model: str, scan: str, key: dict[str, str]
) -> httpx.Response:
    method, path, body = request
    values = {"{model}": model, "{own_scan}": scan}

    def filled(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: filled(value) for key, value in part.items()}
        if isinstance(part, list):
            return [filled(one) for one in part]
        for name, value in values.items() if isinstance(part, str) else ():
            part = part.replace(name, value)
        return part

    return client.request(method, filled(path), json=filled(body), headers=key)


def test_lists_have_the_models_of_the_project(
    client: httpx.Client, keys: StoredKeys, own: dict[str, str]
) -> None:
    admin = keys.of_role[ProjectRole.ADMINISTRATOR]
    assert names(client, keys.other) == {ALLOWED}
    assert names(client, admin) >= {ALLOWED, TAKEN}
    served_names = client.get("/monai-label/info", headers=keys.other).json()["models"]
    assert set(served_names) == {ALLOWED}
    fits = client.get(f"/v1/scans/{own['scan_id']}/models", headers=keys.other)
    assert fits.json() == [], "no model for volumes"
    files = {"files": ("scan.nii", nifti_bytes())}
    scan = client.post("/v1/scans", files=files, headers=admin).json()["id"]
    fits = client.get(f"/v1/scans/{scan}/models", headers=admin)
    assert TAKEN in fits.text


@pytest.mark.parametrize("request_", NAMING_A_MODEL, ids=lambda one: f"{one[0]} {one[1]}")
def test_a_model_of_others_is_as_unknown_as_any(
    client: httpx.Client, keys: StoredKeys, own: dict[str, str], request_: tuple[str, str, Any]
) -> None:
    taken, unknown = (
        sent(client, request_, model, own["scan_id"], keys.other) for model in (TAKEN, UNKNOWN)
    )
    assert taken.status_code == unknown.status_code == 404, taken.text
    assert taken.text == unknown.text
    assert set(taken.headers) == set(unknown.headers)
    assert TAKEN not in taken.text


def test_every_route_with_a_model_in_its_path_is_tried(app: FastAPI) -> None:
    tried = {(method, path.partition("?")[0]) for method, path, _ in NAMING_A_MODEL}
    tried.add(("POST", "/monai-label/train/{model}"))  # refused for any model
    found = {
        (route.method, route.path.replace("/v1/models/{name}", "/v1/models/{model}").rstrip("/"))
        for route in routes_of(app)
        if "model" in route.parameters or route.path.startswith("/v1/models/")
    }
    assert found <= tried


def test_jobs_of_a_model_that_was_taken_away_keep_their_results(
    client: httpx.Client, keys: StoredKeys, own: dict[str, str]
) -> None:
    job = f"/v1/jobs/{own['job_id']}"
    assert client.get(job, headers=keys.other).json()["state"] == "succeeded"
    assert client.get(f"{job}/report", headers=keys.other).is_success
    batch = client.get(f"/v1/jobs?batch={own['batch_id']}", headers=keys.other).json()
    (waiting,) = (one["id"] for one in batch["jobs"])
    assert client.post(f"/v1/jobs/{waiting}/cancel", headers=keys.other).is_success
    assert client.post(f"/v1/jobs/{waiting}/retry", headers=keys.other).status_code == 404
