"""Notes for the audit trail whom a proxy names in the header of a request."""

from anyio.to_thread import run_sync
from starlette.requests import Request

from imaging.errors import Forbidden
from service.auth import HttpCaller
from service.http.proxy_identity import stated_login
from service.use_cases.proxy_sign_ins import ProxySignIns


async def note_proxy_sign_in(request: Request, caller: HttpCaller) -> None:
    """Records the first request of a person; the others cost no thread."""
    if caller.login and caller.idle_s is not None:
        sign_ins = _sign_ins(request)
        if sign_ins.begins(caller.login, caller.address, caller.idle_s):
            await run_sync(sign_ins.record, caller.login, caller.address)


def check_proxy_header(request: Request) -> None:
    """Raises Forbidden for a header that is refused, which is recorded as an attempt to sign in."""
    try:
        stated_login(request)
    except Forbidden:
        _sign_ins(request).refused(request.client.host if request.client else "")
        raise


def _sign_ins(request: Request) -> ProxySignIns:
    sign_ins: ProxySignIns = request.app.state.services[ProxySignIns]
    return sign_ins
