"""Accounts: every route with every key, keys and users over the API, and how fast changes count."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from imaging.errors import BadRequest, Unauthenticated, Unavailable
from jobs.account import FIRST_PROJECT, ProjectRole
from jobs.repository import Repository
from jobs.settings import Settings
from models.registry import Registry
from scripts.permissions import PAGE, page_with, tables
from service.app import create_app
from service.auth import (
    BackgroundTask,
    DicomCaller,
    HttpCaller,
    KnownCallers,
    Permission,
    SignInSessions,
    StoredAccounts,
    known_callers,
)
from service.auth.role import PERMISSIONS, SERVICE_WIDE
from service.http import event_stream
from service.listen_addresses import check_listen_addresses
from service.schemas import Ready
from tests.support.answers import check_problem
from tests.support.images import nifti_bytes
from tests.support.migrated import migrated
from tests.support.other_project import (
    IDS,
    NAMED_ELSEWHERE,
    both_ids,
    named_elsewhere,
    tried,
)
from tests.support.route_permissions import NamedRoute, routes_of
from tests.support.served_app import served
from tests.support.stored_accounts import (
    OTHER,
    StoredKeys,
    basic,
    bearer,
    settings_in,
)
from tests.support.waiting import until

INVALID = ("missing", "wrong", "expired", "revoked")


def _guarded(app: FastAPI) -> list[tuple[NamedRoute, Permission]]:
    """Every route that is not public, with its permission; a final slash changes nothing."""
    routes = [(route, route.permissions[0]) for route in routes_of(app)]
    return [
        (route, permission)
        for route, permission in routes
        if permission is not Permission.PUBLIC and not route.path.endswith("/")
    ]


def test_tables_of_the_documentation_are_up_to_date(app: FastAPI) -> None:
    text = PAGE.read_text()
    assert text == page_with(text, tables(app)), "run python -P -m scripts.permissions"


def test_every_role_has_its_own_permissions() -> None:
    assert len(set(PERMISSIONS.values())) == len(PERMISSIONS) == len(ProjectRole)
    assert all(Permission.PUBLIC not in allowed for allowed in PERMISSIONS.values())
    assert PERMISSIONS[ProjectRole.ADMINISTRATOR] == set(Permission) - {Permission.PUBLIC}


@pytest.mark.parametrize("state", INVALID)
def test_every_route_refuses_an_invalid_key(
    app: FastAPI, client: httpx.Client, keys: StoredKeys, state: str
) -> None:
    """With one answer for all that are not valid, so that nobody learns which keys there were."""
    problems = set()
    for route, _ in _guarded(app):
        answer = client.request(route.method, route.filled(), headers=keys.invalid[state])
        assert answer.status_code == 401, f"{route}: {answer.text}"
        assert answer.headers["www-authenticate"] == "Bearer"
        if route.method != "HEAD":
            problems.add(answer.text)
    (problem,) = problems
    assert ("is not valid" in problem) is (state != "missing")


def test_whatever_is_wrong_with_a_key_the_answer_is_the_same(
    client: httpx.Client, keys: StoredKeys
) -> None:
    answers = {
        what: client.get("/v1/jobs", headers=headers) for what, headers in keys.invalid.items()
    }
    assert check_problem(answers.pop("missing"), 401)["detail"] == "There is no API key."
    assert len({(answer.status_code, answer.text) for answer in answers.values()}) == 1
    assert len({tuple(answer.headers) for answer in answers.values()}) == 1
    assert check_problem(answers["revoked"], 401)["detail"] == "The API key is not valid."


@pytest.mark.parametrize("role", ProjectRole)
def test_every_route_admits_the_roles_of_the_table(
    app: FastAPI, client: httpx.Client, keys: StoredKeys, role: ProjectRole
) -> None:
    """The answer to a caller with the permission is anything but 401 and 403."""
    for route, permission in _guarded(app):
        answer = client.request(route.method, route.filled(), headers=keys.of_role[role])
        allowed = permission in PERMISSIONS[role]
        assert answer.status_code != 401, f"{route}: {answer.text}"
        assert (answer.status_code != 403) is allowed, f"{route}: {answer.text}"
        if not allowed and route.method != "HEAD":
            assert permission in str(check_problem(answer, 403)["detail"])


def test_what_shows_all_projects_is_for_the_first_one(
    client: httpx.Client, keys: StoredKeys
) -> None:
    for path in ("/metrics", "/monai-label/logs"):
        assert client.get(path, headers=keys.of_role[ProjectRole.OPERATOR]).is_success
        check_problem(client.get(path, headers=keys.other), 403)
    account = client.get("/v1/account", headers=keys.other).json()
    assert account["project"] == OTHER
    assert set(account["permissions"]) == PERMISSIONS[ProjectRole.ADMINISTRATOR] - SERVICE_WIDE


def test_public_routes_need_no_key(client: httpx.Client, keys: StoredKeys) -> None:
    for path in ("/healthz", "/readyz", "/", "/docs", "/openapi.json", "/v1/formats"):
        assert client.get(path).is_success, path
    assert client.get("/readyz").json() | {"parts": {}} == Ready(status="ok").model_dump()
    assert client.get("/readyz", headers=keys.other).json()["version"]


def test_a_final_slash_does_not_lead_out_of_the_project(
    client: httpx.Client, keys: StoredKeys
) -> None:
    answer = client.get(f"/projects/{OTHER}/v1/jobs/?limit=1", headers=keys.other)
    assert answer.status_code == 307
    assert answer.headers["location"] == str(
        client.base_url.join(f"/projects/{OTHER}/v1/jobs?limit=1")
    )
    assert client.get(answer.headers["location"], headers=keys.other).status_code == 200


def test_a_key_may_be_the_password_of_http_basic(client: httpx.Client, keys: StoredKeys) -> None:
    key = keys.person["Authorization"].removeprefix("Bearer ")
    for user in ("", "r1"):
        assert client.get("/v1/account", headers=basic(key, user)).json()["reader"] == "R1"
    assert client.get("/v1/account", headers={"authorization": f"bearer {key}"}).is_success


def test_clients_of_monai_label_sign_in_with_a_key(client: httpx.Client, keys: StoredKeys) -> None:
    """Their form of name and password gets the token that they send from then on."""
    key = keys.person["Authorization"].removeprefix("Bearer ")
    assert client.get("/monai-label/auth/").json()["enabled"] is True
    form = {"username": "r1", "password": key, "grant_type": "password"}
    token = client.post("/monai-label/auth/token", data=form).json()["access_token"]
    valid = "/monai-label/auth/token/valid"
    assert client.get(valid, headers=bearer(token)).status_code == 200
    assert client.get("/monai-label/info", headers=bearer(token)).is_success
    check_problem(client.get(valid), 401)
    check_problem(client.get(valid, headers=bearer("x")), 401)
    check_problem(client.post("/monai-label/auth/token", data=form | {"password": "x"}), 401)
    multipart = {"password": (None, str(form["password"]))}
    answer = client.post("/monai-label/auth/token", files=multipart)
    assert answer.json()["access_token"] == token
    file = {"password": ("a", b"")}
    check_problem(client.post("/monai-label/auth/token", files=file), 422)
    check_problem(client.post("/monai-label/auth/token", content=bytes(1 << 17)), 413)


def test_reviews_have_the_name_of_the_keys_holder(client: httpx.Client, keys: StoredKeys) -> None:
    account = client.get("/v1/account", headers=keys.person).json()
    assert (account["reader"], account["project"]) == ("R1", FIRST_PROJECT)
    assert set(account["permissions"]) == PERMISSIONS[ProjectRole.READER]
    service = client.get("/v1/account", headers=keys.other).json()
    assert service["reader"] == "test (service)"


def test_keys_over_the_api(client: httpx.Client, keys: StoredKeys) -> None:
    """A key works at once in the gateway that made it, and is refused there once revoked."""
    admin = keys.of_role[ProjectRole.ADMINISTRATOR]
    body = {"name": "CT bridge", "role": "uploader", "expires_in_s": 60}
    made = client.post("/v1/keys", json=body, headers=admin).json()
    secret = made.pop("key")
    assert secret.startswith(made["prefix"])
    listed = client.get("/v1/keys", headers=admin)
    assert listed.json()["keys"][0] == made
    assert secret not in listed.text
    assert client.get("/v1/jobs", headers=bearer(secret)).is_success
    check_problem(client.delete(f"/v1/keys/{made['id']}", headers=keys.other), 404)
    assert client.delete(f"/v1/keys/{made['id']}", headers=admin).status_code == 204
    check_problem(client.get("/v1/jobs", headers=bearer(secret)), 401)
    own = {"name": "laptop", "user": "r1"}
    assert client.post("/v1/keys", json=own, headers=admin).json()["role"] == "reader"
    check_problem(client.post("/v1/keys", json=own, headers=keys.other), 404)
    check_problem(client.post("/v1/keys", json={"name": "x"}, headers=admin), 422)


def test_users_over_the_api(client: httpx.Client, keys: StoredKeys) -> None:
    """An administrator sees and changes the users of the own project. Names of users of other
    projects are taken, also both together; a user who is in none is added by both."""
    admin, other = keys.of_role[ProjectRole.ADMINISTRATOR], keys.other
    assert client.get("/v1/users", headers=other).json() == {"users": []}
    new = {"login": "r3", "name": "R3", "role": "viewer"}
    added = client.post("/v1/users", json=new, headers=other)
    assert (added.status_code, added.json()) == (201, new | {"disabled": False})
    r3 = "/v1/users/r3/membership"
    check_problem(client.put(r3, json={"role": "operator"}, headers=admin), 404)
    check_problem(client.delete(r3, headers=admin), 404)
    key = client.post("/v1/keys", json={"name": "a", "user": "r3"}, headers=other).json()["key"]
    check_problem(client.post("/v1/scans", headers=bearer(key)), 403)
    assert client.put(r3, json={"role": "uploader"}, headers=other).status_code == 204
    account = client.get("/v1/account", headers=bearer(key)).json()
    both = PERMISSIONS[ProjectRole.VIEWER] & PERMISSIONS[ProjectRole.UPLOADER]
    assert set(account["permissions"]) == both, "a key never allows more than its person may do"
    taken = [
        client.post("/v1/users", json=new | changed, headers=admin)
        for changed in ({"name": "R4"}, {"login": "r4"}, {})
    ]
    problems = [check_problem(answer, 409) for answer in taken]
    assert {one["hint"] for one in problems} == {problems[0]["hint"]}, "nothing tells them apart"
    assert "r3" not in client.get("/v1/users", headers=admin).text
    assert client.delete(r3, headers=other).status_code == 204
    check_problem(client.get("/v1/account", headers=bearer(key)), 401)
    assert client.post("/v1/users", json=new, headers=admin).status_code == 201
    assert [one["login"] for one in client.get("/v1/users", headers=admin).json()["users"]] == [
        *("r1", "r2", "r3")
    ]
    check_problem(client.get("/v1/account", headers=bearer(key)), 401)


@pytest.fixture(scope="module")
def both(
    client: httpx.Client, keys: StoredKeys, settings: Settings
) -> tuple[dict[str, str], dict[str, str]]:
    """Ids of what another project has, and ids that nobody has."""
    return both_ids(client, keys, settings)


def test_another_projects_ids_are_as_unknown_as_any(
    app: FastAPI,
    client: httpx.Client,
    keys: StoredKeys,
    both: tuple[dict[str, str], dict[str, str]],
) -> None:
    """Each route answers with the id of another project exactly as with one that nobody has."""
    theirs, _ = both
    count = 0
    for route, _ in _guarded(app):
        if not route.parameters & set(IDS):
            continue
        first, second = (tried(client, route, ids, keys.other) for ids in both)
        assert first.status_code == second.status_code == 404, f"{route}: {first.text}"
        assert first.text == second.text, route
        assert set(first.headers) == set(second.headers), route
        count += 1
    assert count > 40
    for path, name in (("/v1/scans", "scans"), ("/v1/jobs", "jobs"), ("/v1/keys", "keys")):
        listed = client.get(path, headers=keys.other).json()[name]
        assert not {one["id"] for one in listed} & (set(theirs.values()) - {theirs["own"]})


@pytest.mark.parametrize("request_", NAMED_ELSEWHERE, ids=lambda one: f"{one[0]} {one[1]}")
def test_ids_in_queries_and_bodies_tell_nothing_either(
    client: httpx.Client,
    both: tuple[dict[str, str], dict[str, str]],
    keys: StoredKeys,
    request_: tuple[str, str, Any],
) -> None:
    first, second = (named_elsewhere(client, request_, ids, keys.other) for ids in both)
    assert first.status_code == second.status_code, first.text
    assert first.status_code in (200, 201, 404), first.text
    told = [re.sub(r"[0-9a-f]{32}", "ID", one.text) for one in (first, second)]
    assert told[0] == told[1]


def test_accounts_count_without_a_restart(tmp_path: Path, models: Path) -> None:
    """Given a gateway without accounts, a key that another process makes closes it, ends its
    streams, and is accepted; revoked, it is refused, and the gateway stays closed."""
    settings = settings_in(tmp_path)
    with (
        pytest.MonkeyPatch.context() as patch,
        closing(migrated(settings.database)) as elsewhere,
        served(create_app(settings, Registry(models))) as client,
    ):
        patch.setattr(event_stream, "CHECK_S", 0.05)
        files = {"files": ("scan.nii", nifti_bytes())}
        scan = client.post("/v1/scans", files=files).json()["id"]
        job = client.post("/v1/jobs", json={"scan": scan, "model": "solid"}).json()["id"]
        streams = [threading.Thread(target=_read, args=(client, f"/v1/jobs/{job}/events"))]
        streams[0].start()
        key, secret = elsewhere.api_keys.create("local", "x", ProjectRole.VIEWER)
        until(lambda: client.get("/v1/jobs").status_code == 401)
        streams[0].join(20)
        assert not streams[0].is_alive(), "the stream of a caller without a key ends"
        assert client.get("/v1/jobs", headers=bearer(secret.text)).is_success
        elsewhere.api_keys.revoke(None, key.id)
        until(lambda: client.get("/v1/jobs", headers=bearer(secret.text)).status_code == 401)
        check_problem(client.get("/v1/jobs"), 401)


def _read(client: httpx.Client, path: str) -> None:
    with client.stream("GET", path) as answer:
        answer.read()


def _callers(repository: Repository) -> KnownCallers:
    return KnownCallers(
        repository.accounts,
        repository.api_keys,
        repository.dicom_senders,
        repository.project_models,
    )


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    with closing(migrated(settings_in(tmp_path).database)) as found:
        yield found


def _accounts(repository: Repository, callers: KnownCallers) -> StoredAccounts:
    return StoredAccounts(callers, SignInSessions(repository.browser_sessions, 60.0, 600.0))


def test_dicom_senders_belong_to_projects(repository: Repository) -> None:
    """Without accounts every AE title may send; with them only those of a project."""
    callers = _callers(repository)
    accounts = _accounts(repository, callers)
    callers.refresh()
    assert accounts.authenticate(DicomCaller("CT9")).project == FIRST_PROJECT
    repository.accounts.add_project(OTHER)
    repository.api_keys.create("local", "x", ProjectRole.VIEWER)
    repository.dicom_senders.add("CT1", OTHER, ProjectRole.UPLOADER)
    callers.refresh()
    principal = accounts.authenticate(DicomCaller("CT1"))
    assert principal.project == OTHER
    assert principal.permissions == PERMISSIONS[ProjectRole.UPLOADER]
    with pytest.raises(Unauthenticated):
        accounts.authenticate(DicomCaller("CT9"))
    task = accounts.authenticate(BackgroundTask("expiry", OTHER))
    assert (task.project, task.permissions) == (OTHER, frozenset(Permission))


def test_callers_are_not_admitted_by_what_is_too_old(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a database that does not answer, keys are refused with 503 after a few seconds; a
    gateway without accounts goes on."""
    callers = _callers(repository)
    accounts = _accounts(repository, callers)
    with pytest.raises(Unavailable):
        accounts.authenticate(HttpCaller())
    callers.refresh()
    monkeypatch.setattr(known_callers, "MAX_AGE_S", -1.0)
    assert accounts.authenticate(HttpCaller()).project == FIRST_PROJECT
    repository.api_keys.create("local", "x", ProjectRole.VIEWER)
    callers.refresh()
    with pytest.raises(Unavailable):
        accounts.authenticate(HttpCaller())


def test_the_last_use_of_a_key_is_stored(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_callers, "REFRESH_S", 0.02)
    _, secret = repository.api_keys.create("local", "x", ProjectRole.VIEWER)
    callers = _callers(repository)
    callers.start()
    _accounts(repository, callers).authenticate(HttpCaller(f"Bearer {secret.text}"))
    until(lambda: repository.api_keys.page("local")[0][0].last_used_at is not None)
    callers.stop()


def test_listening_beyond_loopback_needs_accounts(tmp_path: Path) -> None:
    settings = settings_in(tmp_path).model_copy(
        update={"host": "0.0.0.0", "dicom_host": "0.0.0.0", "dicom_port": 11112}
    )
    with pytest.raises(BadRequest, match="tessera keys create"):
        check_listen_addresses(settings)
    assert not settings.data.exists()
    with closing(migrated(settings.database)) as repository:
        with pytest.raises(BadRequest, match="tessera keys create"):
            check_listen_addresses(settings)
        repository.api_keys.create("local", "x", ProjectRole.VIEWER)
    check_listen_addresses(settings)


def test_an_unknown_prefix_takes_as_long_as_a_known_one(repository: Repository) -> None:
    """Median times of both differ by less than a request takes, a thousand times over."""
    key, secret = repository.api_keys.create("local", "x", ProjectRole.VIEWER)
    callers = _callers(repository)
    callers.refresh()
    known = callers.current()
    wrong = type(secret)(key.prefix, "b" * 43), type(secret)("00000000", "b" * 43)
    medians = []
    for one in wrong:
        times = []
        for _ in range(301):
            began = time.perf_counter()
            assert known.holder(one) is None
            times.append(time.perf_counter() - began)
        medians.append(sorted(times)[150])
    assert abs(medians[0] - medians[1]) < 1e-5
