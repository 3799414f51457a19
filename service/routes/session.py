"""Sign-in on the page: sessions and passwords of people."""

from anyio.to_thread import run_sync
from fastapi import Depends, Request, Response

from imaging.errors import Conflict, Unauthenticated
from jobs.audit.event import AuditAction, AuditObject, AuditOutcome
from jobs.browser_session import BrowserSession, SignInMethod
from jobs.identity import Access
from jobs.log_format import log_field
from service.auth import ANONYMOUS, Permission
from service.http.audited import AuditedDep
from service.http.dependencies import (
    AccountsDep,
    AuditRecorderDep,
    KnownCallersDep,
    OpenIdDep,
    PasswordSignInDep,
    PasswordThreadsDep,
    SignInLimitsDep,
    SignInSessionsDep,
)
from service.http.own_session import OwnSessionDep, note_person, own_session
from service.http.permissions import Allowed
from service.http.proxy_identity import proxy_login, stated_login
from service.http.router import Router
from service.http.security_schemes import OWN_SESSION
from service.http.session_cookie import (
    browser_secret,
    clear_session,
    session_secret,
    set_browser,
    set_session,
)
from service.http.sign_in_guard import check_address, check_sign_in
from service.http.sign_in_place import sign_in_place
from service.schemas import (
    NewPasswordIn,
    PasswordChangeIn,
    ProjectRoleOut,
    SessionOut,
    SignedInOut,
    SignInIn,
)
from service.use_cases.audit_recorder import AuditRecorder, Deed
from service.use_cases.password_sign_in import SignedIn, SignInLocked

router = Router(tags=["sign-in"], dependencies=[Allowed(Permission.PUBLIC)])


def _guarded(request: Request, callers: KnownCallersDep) -> None:
    if not callers.current().accounts:
        raise Conflict(
            "This service has no accounts.",
            expected="A service with users.",
            hint="Use the page without signing in.",
        )
    if stated_login(request):
        raise Conflict(
            "The proxy in front of the service has signed you in.",
            expected="No sign-in here.",
            hint="Reload the page.",
        )
    check_sign_in(request)


_Guarded = Depends(_guarded)


@router.get("/v1/session")
def get_session(
    request: Request, sessions: SignInSessionsDep, callers: KnownCallersDep, openid: OpenIdDep
) -> SessionOut:
    """Whether the service has accounts, and who is signed in, with the cookie of the request or by
    a proxy.

    This is for the page. It needs no sign-in, and does not count as use of the session.
    """
    known, person, page = callers.current(), None, None
    methods: list[SignInMethod] = []
    if known.accounts and (login := proxy_login(request)):
        person = _person_out(known.person(login), SignInMethod.PROXY)
    else:
        secret, page = session_secret(request), openid.page if openid else None
        session = sessions.find(secret) if secret else None
        person = _person_out(session, session.method) if session else None
        methods = [SignInMethod.PASSWORD, *([SignInMethod.OIDC] if page else [])]
    return SessionOut(
        accounts=known.accounts,
        methods=methods,
        provider=page.name if page else None,
        idle_s=sessions.idle_s,
        person=person,
    )


@router.post("/v1/session", status_code=204, response_class=Response, dependencies=[_Guarded])
async def sign_in(
    body: SignInIn,
    request: Request,
    accounts: AccountsDep,
    limits: SignInLimitsDep,
    passwords: PasswordSignInDep,
    threads: PasswordThreadsDep,
    sessions: SignInSessionsDep,
    audited: AuditedDep,
    recorder: AuditRecorderDep,
) -> Response:
    """Signs a user in. The response sets a cookie, which the page sends from then on.

    The request needs the header `Tessera-Idle`. A wrong login name and a wrong password get the
    same 401. After 5 failed attempts in a row, further ones must wait, up to 15 minutes (429).
    """
    login, browser = body.login.strip().lower(), browser_secret(request)
    place = sign_in_place(request)
    was_here = bool(browser) and await run_sync(passwords.knows, login, browser)
    if not was_here:  # others may share the address
        check_address(request, limits)
    try:
        signed_in = await threads.run(passwords.sign_in, login, body.password, browser, place)
    except (Unauthenticated, SignInLocked) as error:
        known = await threads.run(accounts.has_person, login)  # else somebody's password, perhaps
        if known:
            audited.add(AuditObject.ACCOUNT, login)
        if isinstance(error, SignInLocked):
            _note_lock_out(request, recorder, login if known else "")
        raise
    audited.add(AuditObject.ACCOUNT, login)
    if before := session_secret(request):
        await threads.run(sessions.end, before)
    return _signed_in(request, signed_in)


@router.delete("/v1/session", status_code=204, response_class=Response)
def sign_out(request: Request, sessions: SignInSessionsDep, audited: AuditedDep) -> Response:
    """Signs out: ends the session of the request, if there is one, in all its tabs. The browser
    deletes what it has cached of the service (`Clear-Site-Data`)."""
    secret = session_secret(request)
    session = sessions.find(secret) if secret else None
    if session is None:
        audited.nothing()
    else:
        note_person(request, session.person)
        audited.add(AuditObject.ACCOUNT, session.person.login)
        sessions.end(secret)
    response = Response(status_code=204)
    clear_session(request, response)
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


@router.post(
    "/v1/session/renewal",
    status_code=204,
    response_class=Response,
    dependencies=[Depends(own_session)],
    openapi_extra={**OWN_SESSION},
)
def renew_session(request: Request, sessions: SignInSessionsDep) -> Response:
    """Replaces the secret in the cookie if it is older than 15 minutes.

    The page asks for it now and then, which is no use of the session. A stolen cookie then works
    for a minute more.
    """
    response = Response(status_code=204)
    secret = sessions.renew(session_secret(request))
    if secret is not None:
        set_session(request, response, secret)
    return response


@router.put(
    "/v1/session/password", status_code=204, response_class=Response, openapi_extra={**OWN_SESSION}
)
async def change_password(
    body: PasswordChangeIn,
    request: Request,
    passwords: PasswordSignInDep,
    threads: PasswordThreadsDep,
    audited: AuditedDep,
    session: OwnSessionDep,
) -> Response:
    """Changes the password of who is signed in, and ends the user's other sessions."""
    check_sign_in(request)
    audited.add(AuditObject.ACCOUNT, session.person.login)
    browser = await threads.run(passwords.change, session, body.current, body.password)
    response = Response(status_code=204)
    set_browser(request, response, browser)
    return response


@router.post("/v1/passwords", status_code=204, response_class=Response, dependencies=[_Guarded])
async def set_password(
    body: NewPasswordIn,
    request: Request,
    limits: SignInLimitsDep,
    passwords: PasswordSignInDep,
    threads: PasswordThreadsDep,
    audited: AuditedDep,
) -> Response:
    """Sets a password with the secret of a setup link, which works once, and signs its user in.

    All other sessions of the user end. The request needs the header `Tessera-Idle`.
    """
    check_address(request, limits)
    place = sign_in_place(request)
    signed_in = await threads.run(passwords.set_by_link, body.link, body.password, place)
    audited.add(AuditObject.ACCOUNT, signed_in.person.login)
    return _signed_in(request, signed_in)


def _signed_in(request: Request, signed_in: SignedIn) -> Response:
    note_person(request, signed_in.person)
    response = Response(status_code=204)
    set_session(request, response, signed_in.session)
    set_browser(request, response, signed_in.browser)
    return response


def _note_lock_out(request: Request, recorder: AuditRecorder, login: str) -> None:
    deed = Deed(
        principal=ANONYMOUS,
        action=AuditAction.LOCK_OUT,
        outcome=AuditOutcome.DENIED,
        objects=((AuditObject.ACCOUNT, login),),
        origin=request.client.host if request.client else "",
        request=log_field("request"),
    )
    recorder.note(deed, repeats=True)


def _person_out(access: Access | BrowserSession, method: SignInMethod) -> SignedInOut:
    return SignedInOut(
        login=access.person.login,
        name=access.person.name,
        method=method,
        projects=[ProjectRoleOut(name=name, role=role) for name, role in access.roles.items()],
    )
