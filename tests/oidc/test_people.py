"""People of an OpenID provider at a gateway: API clients with tokens, the page, roles by groups."""

import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from cli.doctor.openid import check_openid_provider
from jobs.account import ProjectRole
from jobs.audit.event import AuditAction, AuditOutcome, ChainedEvent
from jobs.audit.filter import AuditFilter
from jobs.repository import Repository
from jobs.settings import Settings
from models.registry import Registry
from service.app import create_app
from service.auth.role import PERMISSIONS
from service.listen_addresses import check_listen_addresses
from service.resources.oidc import provider_http
from service.resources.oidc.problems import ProviderUnavailable
from service.use_cases import provider_sessions
from service.use_cases.openid import OpenId
from tests.support.answers import check_problem
from tests.support.freezing import frozen
from tests.support.migrated import migrated
from tests.support.openid_provider import (
    AUDIENCE,
    CLIENT,
    SECRET,
    ApiClient,
    OpenIdProvider,
    signed_in,
)
from tests.support.ports import free_port
from tests.support.served_app import served
from tests.support.stored_accounts import basic, bearer
from tests.support.waiting import until

GROUPS = """
[[role]]
group = "lung readers"
project = "lung"
role = "reader"

[[role]]
group = "administrators"
project = "local"
role = "administrator"

[[role]]
group = "everybody"
project = "lung"
role = "viewer"

[[role]]
group = "everybody"
project = "missing"
role = "viewer"
"""


@pytest.fixture(scope="module")
def settings(openid_provider: OpenIdProvider, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Of a gateway whose only accounts are the provider's, which knows some people."""
    folder = tmp_path_factory.mktemp("oidc")
    (folder / "groups.toml").write_text(GROUPS)
    port = free_port()
    settings = Settings(
        data=folder / "data",
        broker_url="file://",
        host="0.0.0.0",
        port=port,
        public_url=f"http://127.0.0.1:{port}",
        oidc_issuer=openid_provider.issuer,
        oidc_audience=AUDIENCE,
        oidc_client_id=CLIENT,
        oidc_client_secret=SECRET,
        oidc_groups=folder / "groups.toml",
    )
    with closing(migrated(settings.database)) as repository:
        repository.accounts.add_project("lung")
    openid_provider.redirect_uri = f"{settings.public_url}/v1/sign-in/oidc/callback"
    openid_provider.people |= {
        "r1": {"name": "R One", "preferred_username": "R1@example.org", "groups": ["lung readers"]},
        "r2": {"name": "R Two", "preferred_username": "r2", "groups": ["everybody"]},
        "none": {"name": "R No", "preferred_username": "none", "groups": ["others"]},
    }
    openid_provider.configure()
    return settings


@pytest.fixture(scope="module")
def app(settings: Settings, models: Path) -> FastAPI:
    check_listen_addresses(settings)
    return create_app(settings, Registry(models))


@pytest.fixture(scope="module", autouse=True)
def _no_polling() -> Iterator[None]:
    """Tests call the steps of the thread that has sessions confirmed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(provider_sessions, "POLL_S", 3600.0)
        yield


@pytest.fixture(scope="module")
def client(app: FastAPI, settings: Settings) -> Iterator[httpx.Client]:
    with served(app, settings.port) as running:
        yield running


def account(client: httpx.Client, token: str, project: str = "") -> Any:
    path = f"/projects/{project}/v1/account" if project else "/v1/account"
    return client.get(path, headers=bearer(token)).raise_for_status().json()


def test_a_service_with_a_provider_is_closed(client: httpx.Client) -> None:
    assert check_problem(client.get("/v1/jobs"), 401)
    assert check_problem(client.get("/v1/jobs", headers=bearer("a.b.c")), 401)


def test_an_api_client_refreshes_its_token_and_gets_new_roles(
    client: httpx.Client, openid_provider: OpenIdProvider
) -> None:
    program = ApiClient(openid_provider, "r1")
    program.sign_in()
    first = program.token
    known = account(client, first)
    assert (known["reader"], known["project"]) == ("R One", "lung")
    assert set(known["permissions"]) == PERMISSIONS[ProjectRole.READER]
    openid_provider.people["r1"]["groups"] = ["administrators", "everybody"]
    openid_provider.configure()
    assert account(client, first)["project"] == "lung", "the provider has issued no new token"
    program.refresh()
    now = account(client, program.token, "local")
    assert set(now["permissions"]) == PERMISSIONS[ProjectRole.ADMINISTRATOR]
    viewer = set(account(client, program.token, "lung")["permissions"])
    assert viewer == PERMISSIONS[ProjectRole.VIEWER]
    assert set(account(client, first, "lung")["permissions"]) == viewer, "older tokens follow"
    check_problem(client.get("/v1/jobs", headers=bearer(first)), 403)
    users = client.get("/projects/local/v1/users", headers=bearer(program.token)).json()["users"]
    assert [(one["login"], one["role"]) for one in users] == [("r1", "administrator")]
    trail = client.get("/projects/local/v1/audit", headers=bearer(program.token)).text
    assert "OpenID provider" in trail
    assert "example.org" not in trail


def cookies_of(answer: httpx.Response) -> list[str]:
    return answer.headers.get_list("set-cookie")


def begin(client: httpx.Client, path: str = "/v1/sign-in/oidc") -> tuple[str, str]:
    """The address at the provider, and the cookie of the attempt."""
    client.cookies.clear()
    answer = client.get(path)
    assert answer.status_code == 303, answer.text
    (cookie,) = cookies_of(answer)
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    return answer.headers["location"], cookie.partition(";")[0]


def test_people_sign_in_on_the_page(
    client: httpx.Client,
    openid_provider: OpenIdProvider,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is recorded with the login name, and nothing more is in the log."""
    caplog.set_level("DEBUG", "tessera")
    address, attempt = begin(client, "/projects/lung/v1/sign-in/oidc")
    query = httpx.URL(address).params
    assert query["code_challenge_method"] == "S256"
    assert SECRET not in attempt
    back = signed_in(address, "r2")
    assert back.startswith(openid_provider.redirect_uri)
    answer = client.get(back)
    assert (answer.status_code, answer.headers["location"]) == (303, "/projects/lung/")
    session, ended = cookies_of(answer)
    assert "SameSite=strict" in session
    assert "Max-Age=0" in ended
    known = client.get("/v1/session").json()
    assert (known["provider"], known["methods"]) == ("OpenID Connect", ["password", "oidc"])
    assert (known["person"]["login"], known["person"]["method"]) == ("r2", "oidc")
    assert client.get("/v1/account").json()["reader"] == "R Two"
    assert client.delete("/v1/session", headers={"Tessera-Idle": "0"}).is_success
    for cookie in (attempt, "", attempt[:-1]):  # the code and the attempt work once
        client.cookies.clear()
        again = client.get(back, headers={"Cookie": cookie})
        assert again.status_code == 401, again.text
        assert "text/html" in again.headers["content-type"]
        assert "set-cookie" in again.headers
    away = client.get("/v1/sign-in/oidc/sign-out")
    assert away.headers["location"].startswith(f"{openid_provider.issuer}/session/end?client_id=")
    logged = " ".join(one.message for one in caplog.records if one.name.startswith("tessera"))
    assert "/v1/sign-in/oidc/callback" in logged
    for secret in ("R Two", httpx.URL(back).params["code"], query["state"], SECRET):
        assert secret not in logged
    wanted = AuditFilter(action=AuditAction.SIGN_IN)
    with closing(Repository(settings.database)) as repository:
        refused = ("", AuditOutcome.DENIED)
        until(lambda: refused in _outcomes(repository.audit.events(wanted)))
        assert ("user r2", AuditOutcome.SUCCESS) in _outcomes(repository.audit.events(wanted))
        assert "R Two" not in str([*repository.audit.events(wanted)])


def _outcomes(events: Iterable[ChainedEvent]) -> set[tuple[str, AuditOutcome]]:
    return {(one.event.principal, one.event.outcome) for one in events}


def test_somebody_without_a_role_gets_a_page_that_says_so(client: httpx.Client) -> None:
    address, _ = begin(client)
    answer = client.get(signed_in(address, "none"))
    assert answer.status_code == 403
    assert "None of your groups has a role" in answer.text
    assert "Back to the sign-in page" in answer.text


def test_answers_that_are_not_the_providers(
    client: httpx.Client, openid_provider: OpenIdProvider
) -> None:
    address, _ = begin(client)
    state = httpx.URL(address).params["state"]
    path, issuer = "/v1/sign-in/oidc/callback", openid_provider.issuer
    for query, status in (
        ({"code": "x", "state": "other", "iss": issuer}, 401),
        ({"code": "x", "iss": issuer}, 401),
        ({"code": "x", "state": state, "iss": "http://127.0.0.1:1"}, 401),
    ):
        assert client.get(path, params=query).status_code == status
    for query, status in (
        ({"error": "access_denied", "state": "", "iss": issuer}, 403),
        ({"code": "invented", "state": "", "iss": issuer}, 401),
        ({"code": "x", "state": ""}, 401),
    ):
        address, _ = begin(client)
        query["state"] = httpx.URL(address).params["state"]
        answer = client.get(path, params=query)
        assert answer.status_code == status, answer.text
        assert "invented" not in answer.text


def test_a_session_lasts_while_the_provider_confirms_it(
    app: FastAPI,
    client: httpx.Client,
    openid_provider: OpenIdProvider,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Access tokens may expire meanwhile. Roles follow the groups."""
    monkeypatch.setattr(provider_sessions, "CHECK_S", 0.0)
    openid_provider.people["r3"] = {
        "name": "R Three",
        "preferred_username": "r3",
        "groups": ["lung readers"],
    }
    openid_provider.token_s = 1
    openid_provider.configure()
    address, _ = begin(client)
    client.get(signed_in(address, "r3"))
    openid: OpenId = app.state.services[OpenId]
    assert openid.page is not None
    sessions = openid.page.sessions

    def role() -> str:
        may = set(client.get("/v1/account").raise_for_status().json()["permissions"])
        return next(role for role, permissions in PERMISSIONS.items() if permissions == may)

    assert role() == "reader"
    time.sleep(1.1)  # the access token has expired
    openid_provider.people["r3"]["groups"] = ["everybody"]
    openid_provider.configure()
    assert sessions.step()
    assert until(lambda: role() == "viewer")
    with monkeypatch.context() as patch, frozen(openid_provider.pid):
        patch.setattr(provider_http, "TIMEOUT_S", 0.3)
        with pytest.raises(ProviderUnavailable):
            sessions.step()
    assert role() == "viewer", "while the provider does not answer, the session goes on"
    assert sessions.step()
    openid_provider.people["r3"]["groups"] = []
    openid_provider.configure()
    assert sessions.step()
    assert client.get("/v1/account").status_code == 401
    assert not sessions.step()


def test_people_whose_tokens_say_too_little(
    client: httpx.Client, openid_provider: OpenIdProvider
) -> None:
    def problem(**claims: Any) -> str:
        token = openid_provider.token("new", **claims)
        return str(check_problem(client.get("/v1/jobs", headers=bearer(token)), 403)["detail"])

    groups = ["everybody"]
    assert "None of your groups" in problem()
    assert "no claim preferred_username" in problem(groups=groups, name="New")
    assert "no claim name" in problem(groups=groups, preferred_username="new", name=" ")
    assert "more groups than" in problem(_claim_names={"groups": "src1"})
    names = {"name": "New", "preferred_username": "new"}
    token = openid_provider.token("new", groups="everybody", **names)
    assert account(client, token)["project"] == "lung"
    assert "None of your groups" in problem(iat=int(time.time()) + 10)
    assert "None of your groups" in str(client.get("/v1/jobs", headers=bearer(token)).json())


def test_a_disabled_user(
    client: httpx.Client, openid_provider: OpenIdProvider, settings: Settings
) -> None:
    token = openid_provider.token("r2")
    password = client.get("/v1/account", headers=basic(token))
    assert password.json()["reader"] == "R Two"
    with closing(Repository(settings.database)) as repository:
        repository.accounts.set_disabled("r2", disabled=True)
    until(lambda: client.get("/v1/account", headers=bearer(token)).status_code == 403)
    answer = client.get("/v1/account", headers=bearer(token))
    assert "may not use this service" in str(check_problem(answer, 403)["detail"])


def test_a_provider_that_does_not_answer(
    client: httpx.Client, openid_provider: OpenIdProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """People who come back get a page; what is known of its keys counts."""
    address, _ = begin(client)
    back = signed_in(address, "r1")
    monkeypatch.setattr(provider_http, "TIMEOUT_S", 0.3)
    with frozen(openid_provider.pid):
        answer = client.get(back)
        assert answer.status_code == 503
        assert "does not answer within" in answer.text
        assert account(client, openid_provider.token("r1"), "lung")["reader"] == "R One"


def test_the_doctor_checks_the_provider(
    client: httpx.Client, openid_provider: OpenIdProvider, settings: Settings
) -> None:
    def findings(**changes: Any) -> dict[str, tuple[str, str]]:
        changed = settings.model_copy(update=changes)
        return {one.check: (one.level, one.text) for one in check_openid_provider(changed)}

    found = findings()
    assert found["OpenID provider"] == ("ok", "It answers, and has 1 keys.")
    assert found["clock of the provider"][0] == "ok"
    assert found["client of the provider"][0] == "ok"
    assert found["groups of the OpenID provider"] == (
        *("warning", "These projects do not exist: missing."),
    )
    assert SECRET not in str(found)
    assert findings(oidc_issuer="")["OpenID provider"] == ("ok", "None is configured.")
    assert findings(oidc_issuer=f"{openid_provider.issuer}/x")["OpenID provider"][0] == "problem"
    assert findings(oidc_groups=None)["groups of the OpenID provider"][0] == "problem"
    assert SECRET not in repr(settings)
