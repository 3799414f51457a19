"""Who may do what: every route, DICOM operation and background task names one permission."""

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

import service
from imaging.errors import Forbidden, Unauthenticated
from jobs.settings import Settings
from models.registry import Registry
from service import auth
from service.app import create_app, monai_label_app
from service.auth import (
    Caller,
    DicomCaller,
    HttpCaller,
    LocalAdministrator,
    Permission,
    Principal,
)
from service.use_cases.archives import Archives
from tests.support.answers import check_problem
from tests.support.images import nifti_bytes
from tests.support.route_permissions import routes_of
from tests.support.served_app import served

PUBLIC = {
    "/",
    "/{name}",
    "/assets/{name}",
    "/docs",
    "/openapi.json",
    "/v1/formats",
    "/v1/session",
    "/v1/session/renewal",
    "/v1/session/password",
    "/v1/sessions",
    "/v1/sessions/{sign_in_id}",
    "/v1/passwords",
    "/v1/sign-in/oidc",
    "/v1/sign-in/oidc/callback",
    "/v1/sign-in/oidc/sign-out",
    "/healthz",
    "/readyz",
    "/monai-label/auth",
    "/monai-label/auth/token",
    "/monai-label/auth/token/valid",
}
"""All that a caller may use without signing in."""


class Projects:
    """Knows callers by the project that they name; `nobody` may do nothing."""

    def authenticate(self, caller: Caller) -> Principal:
        if not isinstance(caller, HttpCaller):
            return LocalAdministrator().authenticate(caller)
        if not caller.authorization:
            raise Unauthenticated("The request has no credentials.", expected="An API key.")
        if caller.authorization == "nobody":
            return Principal("nobody", "a")
        return Principal("somebody", caller.authorization, frozenset(Permission))


ASK = (
    *("/auth/token/valid", "/session/renewal", "/session/password", "/v1/sessions"),
    "/v1/sessions/x",
)
"""Public routes that answer 401 to who is not signed in, whatever a caller may do otherwise."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data", broker_url="file://")


@pytest.fixture
def app(settings: Settings, models: Path) -> FastAPI:
    return create_app(settings, Registry(models), Projects())


@pytest.fixture
def client(app: FastAPI) -> Iterator[httpx.Client]:
    with served(app) as client:
        yield client


def test_every_route_names_one_permission(app: FastAPI, settings: Settings) -> None:
    for each in (app, monai_label_app(app, settings)):
        assert [route for route in routes_of(each) if len(route.permissions) != 1] == []


def test_public_routes_are_listed(app: FastAPI) -> None:
    public = {route.path for route in routes_of(app) if Permission.PUBLIC in route.permissions}
    assert {path.rstrip("/") or "/" for path in public} == PUBLIC


def test_every_permission_is_used(app: FastAPI) -> None:
    used = {permission for route in routes_of(app) for permission in route.permissions}
    assert used == set(Permission)


_STARTERS = {
    *("threading.Thread", "Thread", "PollingThread", "PollingTask"),
    *("asyncio.create_task", "create_task"),
}

_FOR_CALLERS = {
    *("AssistantProcess", "AuditWriter", "BoundedAssociationServer", "ExchangeDeadline"),
    *("KnownCallers", "ProviderSessions", "TileFiles", "Watcher"),
}
"""Their threads do what a caller asked for, whose permission was checked before; those of
KnownCallers and ProviderSessions find out who callers are."""


def _background_classes() -> Iterator[type]:
    """Every class in service that starts a thread or a task."""
    for module in pkgutil.walk_packages(service.__path__, "service."):
        source = inspect.getsource(importlib.import_module(module.name))
        for node in ast.parse(source).body:
            used = {ast.unparse(n.func) for n in ast.walk(node) if isinstance(n, ast.Call)}
            used |= {ast.unparse(base) for base in getattr(node, "bases", ())}
            if used & _STARTERS and getattr(node, "name", "") not in _STARTERS:
                assert isinstance(node, ast.ClassDef), f"{module.name}: a task outside a class"
                yield getattr(importlib.import_module(module.name), node.name)


def _named(kind: type) -> dict[str, tuple[Permission, ...]]:
    named = {name: auth.permissions_of(value) for name, value in vars(kind).items()}
    return {name: permissions for name, permissions in named.items() if permissions}


def test_every_background_task_names_one_permission() -> None:
    classes = {kind.__name__: _named(kind) for kind in _background_classes()}
    for name in _FOR_CALLERS:
        assert classes.pop(name) == {}
    assert classes == {
        "CommitmentRequester": {"request": (Permission.DELIVERIES_WRITE,)},
        "DeliverySender": {"send": (Permission.DELIVERIES_WRITE,)},
        "MessageSender": {"send": (Permission.WEBHOOKS_WRITE,)},
        "SeriesRouter": {"route": (Permission.SCANS_WRITE,)},
        "StorageScp": {
            "echo": (Permission.PUBLIC,),
            "store": (Permission.SCANS_WRITE,),
            "report_commitment": (Permission.DELIVERIES_WRITE,),
        },
        "PublicationThread": {"publish": (Permission.TRAININGS_MANAGE,)},
        "RetentionTask": {"run": (Permission.RETENTION_MANAGE,)},
        "SessionExpiry": {"end": (Permission.SCANS_DELETE,)},
        "UploadExpiry": {"delete": (Permission.SCANS_WRITE,)},
        "WebhookAnnouncer": {"messages": (Permission.WEBHOOKS_WRITE,)},
    }


def test_every_operation_on_archives_names_one_permission() -> None:
    public = {name for name in vars(Archives) if not name.startswith("_")}
    public -= set(inspect.signature(Archives).parameters)
    named = _named(Archives)
    assert set(named) == public
    assert all(len(permissions) == 1 for permissions in named.values())


def test_an_operation_checks_its_permission() -> None:
    archives = Archives(*[None] * 4)  # type: ignore[arg-type] # refused before it uses them
    for name in _named(Archives):
        with pytest.raises(Forbidden):
            getattr(archives, name)(Principal("nobody", "a"), *[None] * 3)


@pytest.mark.parametrize("who", ["", "nobody"])
def test_what_is_not_public_is_refused(
    app: FastAPI, client: httpx.Client, settings: Settings, who: str
) -> None:
    """401 to a caller without credentials, 403 to one without the permission, whatever the body:
    it is not read before."""
    alone = monai_label_app(app, settings)
    with served(alone) as second:
        refused = [
            _check_refused(each, http, who) for each, http in ((app, client), (alone, second))
        ]
    assert min(refused) > 40


def _check_refused(app: FastAPI, client: httpx.Client, who: str) -> int:
    """How many routes refuse the caller: all that are not public."""
    refused = 0
    for route in routes_of(app):
        (permission,), path = route.permissions, route.filled()
        headers = {"Authorization": who, "Content-Type": "application/json"}
        answer = client.request(route.method, path, headers=headers, content=b"{")
        if permission is Permission.PUBLIC:
            asks = path.rstrip("/").endswith(ASK)
            assert asks or answer.status_code not in (401, 403), path
            continue
        assert answer.status_code == (403 if who else 401), f"{route}: {answer.text}"
        if route.method != "HEAD":
            problem = check_problem(answer, answer.status_code)
            assert (str(permission) in str(problem["detail"])) is bool(who)
        assert ("www-authenticate" in answer.headers) is (not who)
        refused += 1
    return refused


def test_another_project_sees_nothing(app: FastAPI, client: httpx.Client) -> None:
    """Given a scan, a job, a batch, a review and a session of one project, another gets 404."""
    mine = {"Authorization": "a"}
    files = {"files": ("scan.nii", nifti_bytes())}
    scan = client.post("/v1/scans", files=files, headers=mine).json()["id"]
    order = {"scan": scan, "model": "solid"}
    job = client.post("/v1/jobs", json=order, headers=mine).json()["id"]
    batch = client.post("/v1/batches", json={"jobs": [order]}, headers=mine).json()["id"]
    files = {"files": ("other.nii", nifti_bytes(seed=1))}
    session = client.put("/monai-label/session", files=files, headers=mine).json()["session_id"]
    ids = {"scan_id": scan, "job_id": job, "batch_id": batch, "session_id": session}
    theirs = {"Authorization": "b"}
    for route in routes_of(app):
        if route.parameters & set(ids):
            path = route.filled(**ids, level="9", row="0", column="0", number="1")
            query: dict[str, Any] = {"draft": "x"} if "number" in route.parameters else {}
            query |= {"low": [0] * 3, "high": [1] * 3} if path.endswith("/assistance") else {}
            answer = client.request(
                route.method, path, headers=theirs, json=route.body, params=query
            )
            assert answer.status_code == 404, f"{route}: {answer.text}"
    assert client.post("/v1/jobs", json=order, headers=theirs).status_code == 404
    assert client.get("/v1/scans", headers=theirs).json()["scans"] == []
    assert client.get("/v1/jobs", headers=theirs).json()["jobs"] == []
    assert client.get(f"/v1/jobs?batch={batch}", headers=theirs).json()["jobs"] == []
    for path in ("image", "image/info", "label", "label/info"):
        answer = client.get(
            f"/monai-label/datastore/{path}", params={"image": scan, "label": scan}, headers=theirs
        )
        assert answer.status_code == 404, path
    listed = client.get("/monai-label/datastore?output=all", headers=theirs).json()
    assert listed["objects"] == {}
    assert client.get("/monai-label/batch/infer", headers=theirs).status_code == 404
    answer = client.post(f"/monai-label/infer/solid?image={scan}", headers=theirs)
    assert answer.status_code == 404
    assert client.get(f"/v1/scans/{scan}", headers=mine).status_code == 200
    assert client.get(f"/v1/jobs/{job}", headers=mine).status_code == 200


def test_an_inference_with_a_file_needs_the_permission_to_upload(
    settings: Settings, models: Path
) -> None:
    class OnlyJobs:
        def authenticate(self, _: Caller) -> Principal:
            return Principal("viewer", "a", frozenset({Permission.JOBS_CREATE}))

    app = create_app(settings, Registry(models), OnlyJobs())
    with served(app) as client:
        files = {"file": ("scan.nii", nifti_bytes())}
        problem = check_problem(client.post("/monai-label/infer/solid", files=files), 403)
    assert "scans:write" in str(problem["detail"])


def test_the_local_administrator_may_do_everything_in_its_project() -> None:
    for caller in (HttpCaller(), DicomCaller("CT1"), auth.BackgroundTask("expiry", "local")):
        principal = LocalAdministrator().authenticate(caller)
        assert principal.project == "local"
        assert principal.permissions == set(Permission)
    with pytest.raises(Forbidden, match="no such project"):
        LocalAdministrator().authenticate(HttpCaller(project="other"))
