"""Sign-in with a password: links, sessions, projects in addresses, and what is refused."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import update
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from imaging.errors import BadRequest, Forbidden, TooManyRequests, Unavailable
from jobs.account import ProjectRole
from jobs.audit.event import AuditAction, AuditOutcome
from jobs.audit.filter import AuditFilter
from jobs.audit.verification import verify
from jobs.browser_session import SignInMethod
from jobs.repository import Repository
from jobs.repository.schema.sign_in_tables import browser_sessions
from jobs.repository.sign_in_attempts import FREE_FAILURES, MAX_WAIT_S, wait_after
from jobs.settings import Settings
from models.registry import Registry
from service.app import create_app
from service.auth import SignInSessions, sign_in_sessions
from service.auth.password_rules import check_new_password
from service.http import session_cookie
from service.http.proxies import trusted_proxies
from service.http.sign_in_guard import check_address, check_sign_in
from service.http.sign_in_place import browser_name
from service.resources.audit_key import audit_signer
from service.resources.audit_writer import FLUSH_S
from service.resources.sign_in_limits import PER_MINUTE, SignInLimits
from tests.support.answers import ask, check_problem
from tests.support.migrated import migrated
from tests.support.served_app import served
from tests.support.stored_accounts import bearer, settings_in
from tests.support.waiting import until

PASSWORD = "purple dragon eats seven tables"
OTHER_PASSWORD = "quiet harbour of eleven owls"
PAGE = {"Tessera-Idle": "0"}
"""The header of the page."""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return settings_in(tmp_path_factory.mktemp("sign-in"))


@pytest.fixture(scope="module")
def rows(settings: Settings) -> Iterator[Repository]:
    """R1 reads in `local` and looks on in `lung`; R2 administers `lung`, alone."""
    with closing(migrated(settings.database)) as repository:
        accounts = repository.accounts
        accounts.add_project("lung")
        accounts.add_member("r1", "Reader One", "local", ProjectRole.READER)
        accounts.add_member("r1", "Reader One", "lung", ProjectRole.VIEWER, join=True)
        accounts.add_member("r2", "Reader Two", "lung", ProjectRole.ADMINISTRATOR)
        yield repository


@pytest.fixture(scope="module")
def gateway(settings: Settings, rows: Repository, models: Path) -> Iterator[str]:
    """The address of a running gateway; R1 has a password."""
    assert rows.accounts.exist()
    with served(create_app(settings, Registry(models))) as client:
        link = rows.passwords.invite("r1", 60.0).secret
        body = {"link": link, "password": PASSWORD}
        assert client.post("/v1/passwords", json=body, headers=PAGE).status_code == 204
        yield str(client.base_url)


@pytest.fixture
def browser(gateway: str) -> Iterator[httpx.Client]:
    """A browser in which nobody is signed in, with the page's header."""
    with httpx.Client(base_url=gateway, headers=PAGE, timeout=60) as client:
        yield client


def _sign_in(browser: httpx.Client, login: str = "r1", password: str = PASSWORD) -> httpx.Response:
    return browser.post("/v1/session", json={"login": login, "password": password})


def test_somebody_signs_in_and_out(browser: httpx.Client, rows: Repository) -> None:
    """Each project has addresses of its own; what a role does not allow there is refused."""
    nobody = browser.get("/v1/session").json()
    assert (nobody["accounts"], nobody["methods"], nobody["person"]) == (True, ["password"], None)
    answer = _sign_in(browser, " R1 ")
    assert answer.status_code == 204, answer.text
    for cookie in answer.headers.get_list("set-cookie"):
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert "Secure" not in cookie, "this connection is not encrypted"
    person = browser.get("/v1/session").json()["person"]
    assert person["projects"] == [
        {"name": "local", "role": "reader"},
        {"name": "lung", "role": "viewer"},
    ]
    account = browser.get("/projects/lung/v1/account").json()
    assert (account["reader"], account["login"], account["project"]) == ("Reader One", "r1", "lung")
    assert account["projects"] == person["projects"]
    assert browser.get("/projects/local/v1/jobs").status_code == 200
    for refused in ("/v1/jobs", "/projects/other/v1/jobs", "/projects/lung/v1/keys"):
        check_problem(browser.get(refused), 403)
    order = {"scan": "x", "model": "solid"}
    check_problem(browser.post("/projects/lung/v1/jobs", json=order), 403)
    check_problem(browser.post("/projects/local/v1/jobs", json=order), 404)
    assert browser.get("/projects/lung/").status_code == browser.get("/").status_code == 200
    secret = browser.cookies["tessera"]
    assert browser.delete("/v1/session").status_code == 204
    assert "tessera" not in browser.cookies
    again = {"Cookie": f"tessera={secret}"}
    problem = check_problem(browser.get("/projects/lung/v1/account", headers=again), 401)
    assert "not signed in any more" in str(problem["detail"])
    until(lambda: len(_outcomes(rows, "user r1")) >= 2)
    assert set(_outcomes(rows, "user r1")) == {AuditOutcome.SUCCESS}


def _outcomes(rows: Repository, principal: str = "") -> list[AuditOutcome]:
    """Of signing in and out."""
    events = (one.event for one in rows.audit.events(AuditFilter(principal=principal)))
    actions = (AuditAction.SIGN_IN, AuditAction.SIGN_OUT)
    return [event.outcome for event in events if event.action in actions]


def test_nobody_fills_the_audit_trail_without_a_key(
    browser: httpx.Client, rows: Repository, settings: Settings
) -> None:
    """A sign-out without a session is no event; failed attempts of one address are one for each
    action, and a sign-out of somebody is each time one."""

    def head() -> int:
        time.sleep(2 * FLUSH_S)
        return rows.audit.head().seq

    before = head()
    for _ in range(5):
        assert browser.delete("/v1/session").status_code == 204
    assert head() == before
    for _ in range(5):
        check_problem(browser.post("/v1/session", json={"login": 1}), 422)
        check_problem(browser.post("/v1/session", content=b"{"), 422)
        check_problem(browser.post("/v1/passwords", json={}), 422)
    assert head() <= before + 2
    events = list(rows.audit.events(AuditFilter(outcome=AuditOutcome.FAILED)))[-2:]
    assert [one.event.action for one in events] == [AuditAction.SIGN_IN, AuditAction.KEY_CHANGE]
    for _ in range(2):
        assert _sign_in(browser).status_code == 204
        out = browser.delete("/v1/session")
        assert (out.status_code, out.headers["Clear-Site-Data"]) == (204, '"cache"')
    outs = list(rows.audit.events(AuditFilter(action=AuditAction.SIGN_OUT)))
    assert [one.event.object_id for one in outs[-2:]] == ["r1", "r1"]
    assert verify(rows.audit, [audit_signer(settings)]).findings == ()


def test_a_wrong_name_and_a_wrong_password_get_the_same_answer(
    browser: httpx.Client, rows: Repository
) -> None:
    rows.accounts.add_member("r3", "Reader Three", "lung", ProjectRole.READER)  # no password
    rows.accounts.add_member("r4", "Reader Four", "lung", ProjectRole.READER)
    rows.passwords.set_by_link(rows.passwords.invite("r4", 60.0).secret, "not a hash")
    rows.accounts.set_disabled("r4", disabled=True)
    attempts = {
        login: _sign_in(browser, login, "guessed") for login in ("r1", "r3", "r4", "nobody")
    }
    problems = {check_problem(one, 401, "guessed", "nobody")["detail"] for one in attempts.values()}
    assert len(problems) == len({one.text for one in attempts.values()}) == 1
    until(lambda: AuditOutcome.DENIED in _outcomes(rows))
    ids = {one.event.object_id for one in rows.audit.events(AuditFilter())}
    assert {"r1", "r3"} <= ids
    assert "nobody" not in ids, "what somebody typed may be a password"
    _sign_in(browser)


def test_failures_lock_a_name_but_not_a_known_browser(
    browser: httpx.Client, gateway: str, rows: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor do the attempts of others from the same address, such as that of a proxy."""
    rows.accounts.add_member("r6", "Reader Six", "lung", ProjectRole.READER)
    body = {"link": rows.passwords.invite("r6", 60.0).secret, "password": PASSWORD}
    assert browser.post("/v1/passwords", json=body).status_code == 204
    browser.delete("/v1/session")
    with httpx.Client(base_url=gateway, headers=PAGE, timeout=60) as stranger:
        for login in ("r6", "no-one"):
            for _ in range(FREE_FAILURES):
                rows.sign_in_attempts.begin(rows.sign_in_attempts.counter(login, ""))
            locked = _sign_in(stranger, login, PASSWORD)
            problem = check_problem(locked, 429, login)
            assert 1 <= int(locked.headers["retry-after"]) <= 2, problem
        monkeypatch.setattr(SignInLimits, "wait_s", lambda *_: 9)
        problem = check_problem(_sign_in(stranger, "r1"), 429)
        assert "from this address" in str(problem["detail"])
    assert _sign_in(browser, "r6").status_code == 204, "the person was here before"
    check_problem(_sign_in(browser, "r1"), 429)
    until(lambda: [*rows.audit.events(AuditFilter(action=AuditAction.LOCK_OUT))])
    waits = [wait_after(n) for n in range(30)]
    assert waits[:7] == [0, 0, 0, 0, 0, 2, 4]
    assert waits == sorted(waits)
    assert waits[-1] == MAX_WAIT_S


def test_a_link_works_once_and_for_a_person_of_one_project(
    browser: httpx.Client, gateway: str, rows: Repository
) -> None:
    """An administrator of a project must not open others; a new link ends earlier ones."""
    _, key = rows.api_keys.create("lung", "x", ProjectRole.ADMINISTRATOR)
    admin = bearer(key.text)
    until(lambda: browser.get("/v1/account", headers=admin).is_success)
    check_problem(browser.post("/v1/users/r1/setup-link", headers=admin), 403)
    check_problem(browser.post("/v1/users/nobody/setup-link", headers=admin), 404)
    links = [browser.post("/v1/users/r2/setup-link", headers=admin).json() for _ in range(2)]
    assert links[0]["expires_at"]
    bodies = [{"link": one["link"], "password": OTHER_PASSWORD} for one in links]
    check_problem(browser.post("/v1/passwords", json=bodies[0]), 404)
    for bad in ("short", "reader two reader", "a" * 20, "passwordpassword", "x" * 1001):
        body = {"link": links[1]["link"], "password": bad}
        check_problem(browser.post("/v1/passwords", json=body), 422, bad)
    check_problem(httpx.post(f"{gateway}/v1/passwords", json=bodies[1]), 403)
    assert browser.post("/v1/passwords", json=bodies[1]).status_code == 204
    account = browser.get("/v1/account").json()
    assert account["project"] == "lung", "who is in one project need not name it"
    check_problem(browser.post("/v1/passwords", json=bodies[1]), 404)
    expired = rows.passwords.invite("r2", -1.0).secret
    body = {"link": expired, "password": OTHER_PASSWORD}
    check_problem(browser.post("/v1/passwords", json=body), 404)


def test_sessions_are_listed_and_ended_from_elsewhere(
    browser: httpx.Client, gateway: str, rows: Repository
) -> None:
    """By the person, and by the administrator of the person's only project."""
    rows.accounts.add_member("r8", "Reader Eight", "lung", ProjectRole.READER)
    body = {"link": rows.passwords.invite("r8", 60.0).secret, "password": PASSWORD}
    agent = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0"}
    assert browser.post("/v1/passwords", json=body, headers=agent).status_code == 204
    check_problem(httpx.get(f"{gateway}/v1/sessions"), 401)
    with httpx.Client(base_url=gateway, headers=PAGE, timeout=60) as elsewhere:
        assert _sign_in(elsewhere, "r8").status_code == 204
        sessions = browser.get("/v1/sessions").json()["sessions"]
        assert {(one["browser"], one["address"], one["is_own"]) for one in sessions} == {
            ("Firefox on Linux", "127.0.0.1", True),
            ("", "127.0.0.1", False),
        }
        (other,) = (one["id"] for one in sessions if not one["is_own"])
        check_problem(browser.delete("/v1/sessions/none"), 404)
        assert browser.delete(f"/v1/sessions/{other}").status_code == 204
        check_problem(elsewhere.get("/v1/account"), 401)
        assert _sign_in(elsewhere, "r8").status_code == 204
        assert browser.delete("/v1/sessions").status_code == 204
        check_problem(elsewhere.get("/v1/account"), 401)
        assert browser.get("/v1/account").status_code == 200
    _, key = rows.api_keys.create("lung", "y", ProjectRole.ADMINISTRATOR)
    admin = bearer(key.text)
    until(lambda: httpx.get(f"{gateway}/v1/account", headers=admin).is_success)
    users = f"{gateway}/v1/users"
    check_problem(httpx.get(f"{users}/r1/sessions", headers=admin), 403)
    check_problem(httpx.delete(f"{users}/r1/sessions", headers=admin), 403)
    (mine,) = httpx.get(f"{users}/r8/sessions", headers=admin).json()["sessions"]
    one = f"{users}/r8/sessions/{mine['id']}"
    assert [httpx.delete(one, headers=admin).status_code for _ in range(2)] == [204, 404]
    assert httpx.delete(f"{users}/r8/sessions", headers=admin).status_code == 204
    check_problem(browser.get("/v1/account"), 401)
    ended = AuditFilter(object_id=mine["id"], outcome=AuditOutcome.SUCCESS)
    (event,) = until(lambda: list(rows.audit.events(ended)))
    assert event.event.action is AuditAction.SIGN_OUT


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU like Mac OS X) Version/18.0 Safari/604.1", "Safari on iOS"),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.5.0", ""),
    ],
)
def test_names_of_browsers(agent: str, name: str) -> None:
    assert browser_name(agent) == name


def test_a_changed_password_ends_other_sessions(
    browser: httpx.Client, gateway: str, rows: Repository
) -> None:
    rows.accounts.add_member("r5", "Reader Five", "local", ProjectRole.READER)
    body = {"link": rows.passwords.invite("r5", 60.0).secret, "password": PASSWORD}
    assert browser.post("/v1/passwords", json=body).status_code == 204
    with httpx.Client(base_url=gateway, headers=PAGE, timeout=60) as elsewhere:
        assert _sign_in(elsewhere, "r5").status_code == 204
        wrong = {"current": "wrong", "password": OTHER_PASSWORD}
        check_problem(browser.put("/v1/session/password", json=wrong), 401)
        change = {"current": PASSWORD, "password": OTHER_PASSWORD}
        assert browser.put("/v1/session/password", json=change).status_code == 204
        assert browser.get("/v1/account").status_code == 200
        check_problem(elsewhere.get("/v1/account"), 401)
        check_problem(_sign_in(elsewhere, "r5"), 401)
        assert _sign_in(elsewhere, "r5", OTHER_PASSWORD).status_code == 204
    rows.accounts.set_role("r5", "local", None)
    until(lambda: browser.get("/v1/account").status_code == 403)
    rows.accounts.set_disabled("r5", disabled=True)
    until(lambda: browser.get("/v1/account").status_code == 401)


def test_a_cookie_does_not_count_for_other_sites(browser: httpx.Client, gateway: str) -> None:
    """What changes something needs the page's header, at every route; a key needs nothing."""
    _sign_in(browser)
    secret = browser.cookies["tessera"]
    with httpx.Client(base_url=gateway, cookies={"tessera": secret}) as plain:
        assert plain.get("/projects/local/v1/account").status_code == 200
        site = {"Sec-Fetch-Site": "same-site"}
        check_problem(plain.get("/projects/local/v1/account", headers=site), 401)
        tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "9"}
        for answer in (
            plain.post("/projects/local/v1/jobs", json={}),
            plain.post("/projects/local/v1/uploads", headers=tus),
            plain.put("/projects/local/monai-label/datastore"),
            plain.post("/v1/session", json={"login": "r1", "password": PASSWORD}),
            plain.delete("/v1/session"),
            plain.post("/v1/session/renewal"),
        ):
            assert "Tessera-Idle" in str(check_problem(answer, 403)["detail"])
        check_problem(plain.get("/v1/jobs", headers=bearer("tsk_x")), 401)


def test_a_session_is_renewed_and_ends_unused(
    browser: httpx.Client, rows: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the page requests by itself is not use: it says since when the reader is away."""
    _sign_in(browser)
    first = browser.cookies["tessera"]
    assert browser.post("/v1/session/renewal").status_code == 204
    assert browser.cookies["tessera"] == first, "it is young"
    monkeypatch.setattr(sign_in_sessions, "RENEW_S", 0.0)
    assert browser.post("/v1/session/renewal").status_code == 204
    second = browser.cookies["tessera"]
    assert second != first
    with rows.database.write() as connection:
        long_ago = browser_sessions.c.used_at - 1000
        connection.execute(update(browser_sessions).values(used_at=long_ago))
    away = {"Tessera-Idle": "990"}
    assert browser.post("/v1/session/renewal", headers=away).status_code == 204
    renewed = rows.browser_sessions.find(browser.cookies["tessera"], 3600.0)
    assert renewed is not None
    assert renewed.used_at < time.time() - 900, "the page asks by itself"
    sessions = SignInSessions(rows.browser_sessions, idle_s=60.0, lifetime_s=3600.0)
    person = rows.accounts.people()[0][0]
    secret = sessions.begin(person.id, SignInMethod.OIDC)
    session = sessions.find(secret)
    assert session is not None
    rows.browser_sessions.note_use(session.id, -30.0)
    assert sessions.find(secret, 10.0) is not None
    monkeypatch.setattr(time, "time", lambda: session.used_at + 200.0)
    monkeypatch.setattr(sign_in_sessions, "REFRESH_S", -1.0)
    assert rows.browser_sessions.find(secret, 60.0) is None
    assert sessions.find(secret, 190.0) is None


def test_sessions_last_through_a_short_outage(
    rows: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = SignInSessions(rows.browser_sessions, idle_s=60.0, lifetime_s=3600.0)
    secret = sessions.begin(rows.accounts.people()[0][0].id, SignInMethod.OIDC)
    session = sessions.find(secret)

    def fails(*_: Any) -> None:
        raise Unavailable("The database does not answer.")

    monkeypatch.setattr(rows.browser_sessions, "find", fails)
    monkeypatch.setattr(sign_in_sessions, "REFRESH_S", -1.0)
    assert sessions.find(secret) is session
    monkeypatch.setattr(sign_in_sessions, "MAX_AGE_S", -1.0)
    with pytest.raises(Unavailable):
        sessions.find(secret)


def _request(
    client: str = "10.0.0.7",
    scheme: str = "http",
    host: str = "scans.example.org",
    forwarded: tuple[str, str] = ("x-forwarded-for", ""),
) -> Request:
    headers = [(b"host", host.encode()), (b"tessera-idle", b"0")]
    headers.append((forwarded[0].encode(), forwarded[1].encode()))
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b""}
    return Request(scope | {"headers": headers, "client": (client, 1), "scheme": scheme})


def test_passwords_are_not_taken_over_an_open_network() -> None:
    check_sign_in(_request(scheme="https"))
    check_sign_in(_request(client="::1"))
    check_sign_in(_request(host="localhost:8000"))
    with pytest.raises(Forbidden, match="not encrypted"):
        check_sign_in(_request())
    elsewhere = ("203.0.113.5", "127.0.0.1, 203.0.113.5", "unknown")
    for said in (
        *(("x-forwarded-for", one) for one in elsewhere),
        *(("forwarded", f'proto=http;For="{one}"') for one in (*elsewhere[::2], "[2001:db8::1]:7")),
    ):  # by a proxy of this machine that is not trusted
        check_sign_in(_request("203.0.113.5", "https", forwarded=said))
        with pytest.raises(Forbidden, match="not encrypted"):
            check_sign_in(_request("127.0.0.1", forwarded=said))
    check_sign_in(_request("127.0.0.1", forwarded=("x-forwarded-for", "127.0.0.1")))
    check_sign_in(_request("127.0.0.1", forwarded=("forwarded", 'for="[::1]";proto=http')))


def test_one_address_tries_so_many_times_in_a_minute() -> None:
    limits = SignInLimits()
    network = "2001:db8:1:2"
    for n in range(PER_MINUTE):
        check_address(_request(f"{network}::{n + 1}", "https"), limits)
    with pytest.raises(TooManyRequests) as refused:
        check_address(_request(f"{network}::ffff", "https"), limits)
    assert refused.value.retry_after_s
    check_address(_request("2001:db8:1:3::1", "https"), limits)


def test_cookies_of_encrypted_connections_are_for_this_host_alone() -> None:
    response = Response()
    session_cookie.set_session(_request(scheme="https"), response, "x")
    cookie = response.headers["set-cookie"]
    assert cookie.startswith("__Host-tessera=x;")
    assert "Secure" in cookie
    assert "Domain" not in cookie
    request = _request(scheme="https")
    request.scope["headers"].append((b"cookie", b"tessera=x"))
    assert session_cookie.session_secret(request) == "", "another host of the domain may set it"


def test_only_trusted_proxies_say_where_a_request_comes_from() -> None:
    def tell(request: Request) -> Response:
        assert request.client
        return PlainTextResponse(f"{request.url.scheme} {request.client.host}")

    said = {"X-Forwarded-For": "192.0.2.9", "X-Forwarded-Proto": "https"}
    for trusted, expected in (("127.0.0.0/8", "https 192.0.2.9"), ("10.0.0.7", "http 127.0.0.1")):
        middleware = trusted_proxies(Settings(trusted_proxies=(trusted,)))
        app = Starlette(routes=[Route("/", tell)], middleware=middleware)
        assert ask(app, "/", said).text == expected
    assert trusted_proxies(Settings()) == []
    with pytest.raises(BadRequest):
        trusted_proxies(Settings(trusted_proxies=("*",)))


@pytest.mark.parametrize(
    "good", ["four usual words here", "ŝtrangaj literoj ĉiam", "a" * 7 + "Zq8!kd0P"]
)
def test_passwords_need_length_and_nothing_else(good: str) -> None:
    check_new_password(good, "r1", "Reader One")
