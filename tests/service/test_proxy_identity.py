"""People whom a proxy names in a header: who may send it, and what is refused."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from imaging.errors import BadRequest
from jobs.account import ProjectRole
from jobs.audit.event import AuditAction, AuditOutcome
from jobs.audit.filter import AuditFilter
from jobs.repository import Repository
from jobs.settings import Settings
from models.registry import Registry
from service.app import create_app
from service.http.proxy_identity import proxy_identity
from tests.support.answers import check_problem
from tests.support.migrated import migrated
from tests.support.served_app import served
from tests.support.stored_accounts import bearer, settings_in
from tests.support.waiting import until

HEADER, SECRET = "X-Forwarded-User", "a secret of the proxy"
PROOF = {"Tessera-Proxy-Secret": SECRET}
PAGE = {"Tessera-Idle": "0"}
PASSWORD = "purple dragon eats seven tables"


def named(login: str) -> dict[str, str]:
    """The headers of a proxy that has signed a user in."""
    return PROOF | {HEADER: login}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    update = {
        "trusted_proxies": ("127.0.0.1",),
        "proxy_user_header": HEADER,
        "proxy_secret": SECRET,
    }
    return settings_in(tmp_path_factory.mktemp("proxied")).model_copy(update=update)


@pytest.fixture(scope="module")
def rows(settings: Settings) -> Iterator[Repository]:
    """R1 reads in `local` and looks on in `lung`; R2 is in `lung` alone; R3 is disabled; R4 is in
    no project."""
    with closing(migrated(settings.database)) as repository:
        accounts = repository.accounts
        accounts.add_project("lung")
        for login, project, role in (
            ("r1", "local", ProjectRole.READER),
            ("r1", "lung", ProjectRole.VIEWER),
            ("r2", "lung", ProjectRole.READER),
            ("r3", "local", ProjectRole.READER),
            ("r4", "local", ProjectRole.READER),
        ):
            accounts.add_member(login, f"Reader {login[1]}", project, role, join=True)
        accounts.set_disabled("r3", disabled=True)
        accounts.set_role("r4", "local", None)
        yield repository


@pytest.fixture(scope="module")
def proxy(settings: Settings, rows: Repository, models: Path) -> Iterator[httpx.Client]:
    """A client at the address of the proxy."""
    assert rows.accounts.exist()
    with served(create_app(settings, Registry(models))) as client:
        yield client


@contextmanager
def stranger(proxy: httpx.Client) -> Iterator[httpx.Client]:
    """A client at another address."""
    transport = httpx.HTTPTransport(local_address="127.0.0.2")
    with httpx.Client(base_url=proxy.base_url, transport=transport, timeout=60) as client:
        yield client


def test_the_proxy_names_a_user(proxy: httpx.Client, rows: Repository) -> None:
    """Projects and roles are those of the user, and change within seconds."""
    account = proxy.get("/projects/lung/v1/account", headers=named("r1")).json()
    assert (account["reader"], account["login"], account["method"]) == ("Reader 1", "r1", "proxy")
    assert proxy.get("/v1/account", headers=named("r2")).json()["project"] == "lung"
    session = proxy.get("/v1/session", headers=named("r1")).json()
    assert (session["methods"], session["person"]["method"]) == ([], "proxy")
    assert [one["name"] for one in session["person"]["projects"]] == ["local", "lung"]
    for path, login in (
        ("/v1/account", "r1"),
        ("/projects/other/v1/account", "r1"),
        ("/projects/local/v1/account", "r2"),
        ("/projects/lung/v1/keys", "r1"),
        ("/v1/account", "r4"),
    ):
        check_problem(proxy.get(path, headers=named(login)), 403)
    for login in ("r3", "nobody"):
        for path in ("/v1/account", "/v1/session"):
            problem = check_problem(proxy.get(path, headers=named(login)), 403, login)
            assert "administrator" in str(problem["hint"])
    assert proxy.get("/v1/session", headers=named("r4")).json()["person"]["projects"] == []
    rows.accounts.set_disabled("r2", disabled=True)
    until(lambda: proxy.get("/v1/account", headers=named("r2")).status_code == 403)
    check_problem(proxy.get("/v1/account"), 401)
    until(lambda: len(sign_ins(rows)) == 6)  # not one for each request
    assert sign_ins(rows) == [
        ("user r1", AuditOutcome.SUCCESS, "r1"),
        ("user r2", AuditOutcome.SUCCESS, "r2"),
        ("user r4", AuditOutcome.SUCCESS, "r4"),
        ("", AuditOutcome.DENIED, "r3"),
        ("", AuditOutcome.DENIED, ""),  # what the header says is nobody's login name
        ("", AuditOutcome.DENIED, "r2"),
    ]


def sign_ins(rows: Repository, origin: str = "127.0.0.1") -> list[tuple[str, AuditOutcome, str]]:
    """Who began to use the service from an address, and who was refused."""
    events = (one.event for one in rows.audit.events(AuditFilter(action=AuditAction.SIGN_IN)))
    return [(one.principal, one.outcome, one.object_id) for one in events if one.origin == origin]


def test_only_the_proxy_may_send_the_header(proxy: httpx.Client, rows: Repository) -> None:
    """From another address, without the secret, twice, or with another text, it is refused, and
    the audit trail says so."""
    headers = named("r1") | {"X-Forwarded-For": "127.0.0.1"}
    with stranger(proxy) as elsewhere:
        problem = check_problem(elsewhere.get("/projects/local/v1/account", headers=headers), 403)
        assert "TESSERA_TRUSTED_PROXIES" in str(problem["expected"])
        check_problem(elsewhere.get("/v1/session", headers=headers), 403)
        assert elsewhere.get("/healthz", headers=headers).is_success
        check_problem(elsewhere.get("/v1/account"), 401)
    secret = [*PROOF.items()]
    for proof in ([], [*secret, *secret], [("Tessera-Proxy-Secret", "\xe9")]):
        problem = check_problem(_sent(proxy, [(HEADER, "r1"), *proof]), 403, SECRET)
        assert "without the secret" in str(problem["detail"])
    for logins in (("r1", "r1"), ("",), ("R1",), ("r1, r2",), ("r\xe9",), ("CN=r1",)):
        stated = [(HEADER, login) for login in logins]
        check_problem(_sent(proxy, [*stated, *secret]), 403, "CN=")
    wanted = AuditFilter(action=AuditAction.DENIED_ATTEMPT, outcome=AuditOutcome.DENIED)
    until(lambda: "127.0.0.2" in {one.event.origin for one in rows.audit.events(wanted)})
    assert sign_ins(rows, "127.0.0.2") == [("", AuditOutcome.DENIED, "")]


def _sent(client: httpx.Client, headers: list[tuple[str, str]]) -> httpx.Response:
    """The answer to a request with exactly these headers, whatever they contain."""
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    return client.get("/projects/local/v1/account", headers=encoded)


def test_other_sites_cannot_use_what_the_proxy_says(proxy: httpx.Client, rows: Repository) -> None:
    """A browser sends a certificate by itself, like a cookie. A key counts first, without this."""
    local = "/projects/local/v1"
    site = named("r1") | {"Sec-Fetch-Site": "cross-site"}
    check_problem(proxy.get(f"{local}/account", headers=site), 401)
    assert proxy.get("/v1/session", headers=site).json()["person"] is None
    order = {"scan": "x", "model": "solid"}
    problem = check_problem(proxy.post(f"{local}/jobs", json=order, headers=named("r1")), 403)
    assert "Tessera-Idle" in str(problem["detail"])
    page = named("r1") | PAGE
    check_problem(proxy.post(f"{local}/jobs", json=order, headers=page), 404)
    _, key = rows.api_keys.create("local", "x", ProjectRole.READER)
    with_key = named("r1") | bearer(key.text)
    until(lambda: proxy.get("/v1/account", headers=with_key).is_success)
    assert proxy.get("/v1/account", headers=with_key).json()["login"] == ""
    check_problem(proxy.post("/v1/jobs", json=order, headers=with_key), 404)
    body = {"login": "r1", "password": PASSWORD}
    check_problem(proxy.post("/v1/session", json=body, headers=page), 409)


def test_a_session_counts_after_the_proxy(proxy: httpx.Client, rows: Repository) -> None:
    """Users whom the proxy does not name sign in with a password."""
    rows.accounts.add_member("r5", "Reader 5", "local", ProjectRole.READER)
    body = {"link": rows.passwords.invite("r5", 60.0).secret, "password": PASSWORD}
    with httpx.Client(base_url=proxy.base_url, headers=PAGE, timeout=60) as browser:
        assert browser.post("/v1/passwords", json=body).status_code == 204
        address = "/projects/local/v1/account"
        account = browser.get(address).json()
        assert (account["login"], account["method"]) == ("r5", "password")
        assert browser.get(address, headers=named("r1")).json()["login"] == "r1"
        check_problem(browser.get(address, headers={HEADER: "r1"}), 403)


@pytest.mark.parametrize(
    ("header", "proxies"), [("X-User", ()), ("X-User", ("0.0.0.0/0",)), ("X User", ("10.0.0.7",))]
)
def test_settings_that_would_let_anybody_in(header: str, proxies: tuple[str, ...]) -> None:
    with pytest.raises(BadRequest, match="TESSERA_PROXY_USER_HEADER"):
        proxy_identity(Settings(proxy_user_header=header, trusted_proxies=proxies))
    assert proxy_identity(Settings(trusted_proxies=proxies)) == []
