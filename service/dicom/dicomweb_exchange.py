"""One exchange with a DICOMweb server: sign-in, TLS, and bounds of time and size."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from dicomweb_client.session_utils import create_session
from dicomweb_client.web import DICOMwebClient
from requests import PreparedRequest, Session
from requests.auth import AuthBase, HTTPBasicAuth

from imaging.errors import BadRequest, TesseraError
from service.dicom.dicomweb_errors import peer_errors, series_too_large
from service.dicom.exchange_deadline import ExchangeDeadline, WatchedAdapter
from service.dicom.peer_errors import own_files, peer_error, peer_too_slow
from service.resources.peer_login import Login
from service.resources.peers import Peer

_BLOCK_BYTES = 1 << 20
_MAX_RESPONSE_BYTES = 16 << 20
"""Largest response without images: a thousand series take a tenth of this."""


@contextmanager
def exchange(
    peer: Peer, limit: int | None = None, storing: int | None = None
) -> Iterator[DICOMwebClient]:
    """A client for one request. A response of more than `limit` bytes of images raises an error.

    It takes at most the peer's `timeout_s`, and longer only for images that are received or sent
    (`storing`: their bytes). Redirects are not followed: a peer could redirect us to a host that
    only we can reach.
    """
    if peer.dicomweb is None:
        raise BadRequest(
            f"The peer {peer.name} has no DICOMweb.",
            expected="A peer with `dicomweb` in the routing table.",
            hint="Add it there, or choose another peer.",
        )
    with own_files(peer):
        login, tls = peer.login(), _context(peer)
    session = create_session()
    session.auth = _authorization(login) if login else None
    session.max_redirects = 0
    with (
        peer_errors(peer, storing=storing is not None),
        ExchangeDeadline(peer.timeout_s, storing or 0) as deadline,
        _in_time(peer, deadline),
        session,
    ):
        for scheme in ("http://", "https://"):
            session.mount(scheme, WatchedAdapter(deadline, tls))
        yield _client(peer, session, limit, deadline)


def _context(peer: Peer) -> ssl.SSLContext | None:
    """Our own context if the peer has certificates of its own; None for what `requests` makes."""
    return peer.tls_context() if peer.ca_file or peer.certificate_file else None


def _authorization(login: Login) -> AuthBase:
    if login.user is None:
        return _BearerToken(login)
    return HTTPBasicAuth(login.user.encode(), login.secret.encode())


class _BearerToken(AuthBase):
    """The header of RFC 6750, 2.1."""

    def __init__(self, login: Login) -> None:
        self._login = login

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._login.secret}"
        return request


def _client(
    peer: Peer, session: Session, limit: int | None, deadline: ExchangeDeadline
) -> DICOMwebClient:
    if limit is None:
        endless = peer_error(peer, "its response is too long", temporary=False)
        counted = _limit(_MAX_RESPONSE_BYTES, endless, lambda _: None)
    else:
        counted = _limit(limit, series_too_large(limit), deadline.received)
    client = DICOMwebClient(
        str(peer.dicomweb),
        session=session,
        callback=counted,
        timeout=peer.timeout_s,
        headers={"Accept": "application/dicom+json"},  # for responses to STOW-RS
    )
    client.set_http_retry_params(retry=False)
    return client


@contextmanager
def _in_time(peer: Peer, deadline: ExchangeDeadline) -> Iterator[None]:
    """Replaces whatever a connection that was ended raises."""
    try:
        yield
    except Exception:
        if deadline.has_expired:
            raise peer_too_slow(peer) from None
        raise
    if deadline.has_expired:  # what was received up to then may look complete
        raise peer_too_slow(peer)


def _limit(limit: int, error: TesseraError, progress: Callable[[int], None]) -> Callable[..., Any]:
    """A response hook for `requests`: a body of more than `limit` bytes raises `error`.

    `progress` is called with the number of bytes of each block.
    """

    def hook(response: Any, *_: Any, **__: Any) -> Any:
        original = response.iter_content

        def counted(*args: Any, **kwargs: Any) -> Iterator[bytes]:
            received = 0
            for block in original(*args, **kwargs):
                received += len(block)
                progress(len(block))
                if received > limit + limit // 8 + _BLOCK_BYTES:
                    response.close()  # otherwise the peer goes on sending
                    raise error
                yield block

        response.iter_content = counted
        return response

    return hook
