"""Sign-in on the page with an OpenID provider. Browsers open these addresses, programs do not."""

from html import escape
from typing import Annotated

from fastapi import Depends, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from imaging.errors import Forbidden, NotFound, Unauthenticated, Unavailable
from jobs.audit.event import AuditObject
from service.auth import Permission, Principal
from service.http.audited import AuditedDep
from service.http.dependencies import OpenIdDep, ProviderThreadsDep
from service.http.errors import problem_of
from service.http.permissions import CALLER, Allowed
from service.http.project_path import PROJECT
from service.http.router import Router
from service.http.session_cookie import set_session
from service.http.sign_in_place import sign_in_place
from service.resources.oidc.attempt import LIFETIME_S
from service.use_cases.openid import CALLBACK, OpenIdPage

router = Router(include_in_schema=False, dependencies=[Allowed(Permission.PUBLIC)])

_COOKIE = "tessera-sign-in"
_SEE_OTHER = 303
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Tessera</title>
<h1>{title}</h1>
<p>{detail} {hint}</p>
<p><a href="/">Back to the sign-in page</a></p>
</html>
"""


def _page_of(openid: OpenIdDep) -> OpenIdPage:
    if openid is None or openid.page is None:
        raise NotFound(
            "People do not sign in here with an OpenID provider.",
            hint="Set TESSERA_OIDC_CLIENT_ID, or sign in with a password.",
        )
    return openid.page


_PageDep = Annotated[OpenIdPage, Depends(_page_of)]


@router.get("/v1/sign-in/oidc")
async def begin(request: Request, threads: ProviderThreadsDep, page: _PageDep) -> Response:
    """Sends the browser to the provider."""
    try:
        address, attempt = await threads.run(page.sign_in.begin, request.scope.get(PROJECT, ""))
    except Unavailable as error:
        return _problem_page(error)
    response = RedirectResponse(address, _SEE_OTHER)
    _set_attempt(request, response, attempt, LIFETIME_S)
    return response


@router.get(CALLBACK)
async def end(
    request: Request, threads: ProviderThreadsDep, page: _PageDep, audited: AuditedDep
) -> Response:
    """Receives the browser from the provider, and signs the person in."""
    attempt = request.cookies.get(_cookie(request), "")
    try:
        signed_in = await threads.run(page.sign_in.end, attempt, dict(request.query_params))
        login = signed_in.access.person.login
        audited.add(AuditObject.ACCOUNT, login)
        request.scope[CALLER].principal = Principal(f"user {login}", "")
        secret = await threads.run(page.sessions.begin, signed_in, sign_in_place(request))
    except (Unauthenticated, Forbidden, Unavailable) as error:
        response = _problem_page(error)
    else:
        project = signed_in.project
        response = RedirectResponse(f"/projects/{project}/" if project else "/", _SEE_OTHER)
        set_session(request, response, secret)
    _set_attempt(request, response, "", 0)
    return response


@router.get("/v1/sign-in/oidc/sign-out")
async def sign_out(threads: ProviderThreadsDep, page: _PageDep) -> Response:
    """Sends the browser to the provider to sign out there, too, if the provider offers this."""
    try:
        address = await threads.run(page.sign_in.sign_out_address)
    except Unavailable:
        address = None
    return RedirectResponse(address or "/", _SEE_OTHER)


def _problem_page(error: Exception) -> Response:
    problem = problem_of(error)
    texts = {"title": problem.title, "detail": problem.detail, "hint": problem.hint or ""}
    page = _PAGE.format(**{name: escape(text) for name, text in texts.items()})
    return HTMLResponse(page, problem.status)


def _set_attempt(request: Request, response: Response, text: str, max_age_s: int) -> None:
    """Lax: the browser comes back from another site."""
    response.set_cookie(
        _cookie(request),
        text,
        max_age=max_age_s,
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )


def _cookie(request: Request) -> str:
    return f"__Host-{_COOKIE}" if request.url.scheme == "https" else _COOKIE
