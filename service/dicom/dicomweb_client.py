"""DICOMweb client: QIDO-RS, WADO-RS and STOW-RS (PS3.18) of a peer."""

import logging
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from dicomweb_client.session_utils import create_session
from dicomweb_client.web import DICOMwebClient
from requests import PreparedRequest, Session
from requests.auth import AuthBase, HTTPBasicAuth

from imaging.errors import BadRequest, ScanTooLarge, TesseraError
from imaging.formats.atomic import raising_storage_full
from imaging.formats.dicom.instance_identity import load_dataset, save_dataset
from service.dicom.exchange_deadline import ExchangeDeadline, WatchedAdapter
from service.dicom.peer_errors import (
    is_temporary,
    object_refused,
    own_files,
    peer_error,
    peer_tls_error,
    peer_too_slow,
)
from service.resources.peer_login import Login
from service.resources.peers import Peer
from service.resources.scratch import Scratch
from service.tls.failures import reason_of
from service.use_cases.archives import RemoteSeries
from service.use_cases.received_file import ReceivedFile

logger = logging.getLogger("tessera.dicom")

_TEMPORARY = (408, 425, 429)
"""HTTP statuses below 500 after which another attempt may succeed (RFC 9110, 6585)."""
_ABOUT_THE_OBJECT = (400, 409, 415, 422)
"""HTTP statuses with which servers refuse an object; another kind of object may be accepted."""
_AS_STORED = (("application/dicom", "*"),)
_BLOCK_BYTES = 1 << 20
_MAX_RESPONSE_BYTES = 16 << 20
"""Largest response without images: a thousand series take a tenth of this."""
_FIELDS = tuple(field.name for field in fields(RemoteSeries))


def search(peer: Peer, filters: Mapping[str, str], limit: int) -> list[RemoteSeries]:
    """Series of a peer (QIDO-RS); `filters` by keyword.

    Raises PeerUnavailable, PeerRefused, BadRequest for a peer without DICOMweb.
    """
    with _exchange(peer) as client:
        rows = client.search_for_series(
            search_filters=dict(filters), fields=list(_FIELDS), limit=limit
        )
        return [_series(row) for row in rows[:limit]]


@contextmanager
def fetch(
    peer: Peer, series: RemoteSeries, scratch: Scratch, max_bytes: int
) -> Iterator[Sequence[ReceivedFile]]:
    """The instances of a series (WADO-RS), in scratch until the end of the block.

    Raises PeerUnavailable, PeerRefused, and ScanTooLarge above `max_bytes` in all.
    """
    with ExitStack() as stack:
        files = []
        left = max_bytes
        with _exchange(peer, max_bytes) as client:
            for instance in client.iter_series(
                series.StudyInstanceUID, series.SeriesInstanceUID, media_types=_AS_STORED
            ):
                path = stack.enter_context(scratch.file(".dcm"))
                with raising_storage_full():
                    size = save_dataset(instance, path)
                left -= size
                if left < 0:
                    raise _too_large(max_bytes)
                files.append(ReceivedFile(path, series.Modality or "DICOM", size))
        yield files


def store(peer: Peer, path: Path) -> None:
    """Sends one DICOM file (STOW-RS); raises PeerUnavailable, PeerRefused, ObjectRefused."""
    with _exchange(peer, storing=path.stat().st_size) as client:
        response = client.store_instances([load_dataset(path)])
        for failed in response.get("FailedSOPSequence") or ():
            reason = int(failed.get("FailureReason") or 0)
            text = f"STOW-RS failure reason {reason:04X}H"
            if is_temporary(reason):
                raise peer_error(peer, text, temporary=True)
            raise object_refused(peer, text)


@contextmanager
def _exchange(
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
        _peer_errors(peer, storing=storing is not None),
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
        counted = _limit(limit, _too_large(limit), deadline.received)
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


def _too_large(limit: int) -> ScanTooLarge:
    return ScanTooLarge(
        "The series is too large.",
        expected=f"At most {limit:,} bytes.",
        hint="Fetch a smaller series, or let an administrator raise TESSERA_MAX_UPLOAD_BYTES.",
    )


@contextmanager
def _peer_errors(peer: Peer, *, storing: bool = False) -> Iterator[None]:
    """Turns exceptions of the HTTP libraries into ours; theirs quote addresses, UIDs and names."""
    try:
        yield
    except TesseraError:
        raise
    except ValueError:  # invalid JSON raises a ValueError that is an OSError too
        raise peer_error(peer, "its response is not DICOMweb", temporary=False) from None
    except (
        OSError
    ) as error:  # includes those of `requests`: connection, timeout, status, broken body
        response = getattr(error, "response", None)
        status = None if response is None else response.status_code
        if status is None and (reason := reason_of(error)):
            raise peer_tls_error(peer, reason) from None
        if status is None:
            raise peer_error(
                peer, "no connection, or the connection was lost", temporary=True
            ) from None
        temporary = status >= 500 or status in _TEMPORARY or is_temporary(_reason(response))
        if storing and not temporary and status in _ABOUT_THE_OBJECT:
            raise object_refused(peer, f"HTTP status {status}") from None
        raise peer_error(peer, f"HTTP status {status}", temporary=temporary) from None
    except Exception as error:  # noqa: BLE001 - parsers raise anything
        logger.warning("The response of %s raised %s.", peer.name, type(error).__name__)
        raise peer_error(peer, "its response is not DICOMweb", temporary=False) from None


def _reason(response: Any) -> int:
    """FailureReason of the first instance that was not stored (PS3.18, I.2.2); 0 if not given."""
    try:
        failed = response.json()[DICOMwebClient.lookup_tag("FailedSOPSequence")]["Value"][0]
        return int(failed[DICOMwebClient.lookup_tag("FailureReason")]["Value"][0])
    except (ValueError, LookupError, TypeError):
        return 0


def _series(row: Mapping[str, Any]) -> RemoteSeries:
    values: dict[str, Any] = {name: _value(row, name) for name in _FIELDS}
    count = values["NumberOfSeriesRelatedInstances"]
    return RemoteSeries(
        **values | {"NumberOfSeriesRelatedInstances": int(count) if count else None}
    )


def _value(row: Mapping[str, Any], keyword: str) -> str:
    """The first value of an attribute in the DICOM JSON model (PS3.18, F)."""
    values = row.get(DICOMwebClient.lookup_tag(keyword), {}).get("Value") or [""]
    first = values[0]
    return str(first.get("Alphabetic", "") if isinstance(first, dict) else first)


for _name in ("dicomweb_client", "retrying"):  # they log UIDs and tracebacks
    logging.getLogger(_name).setLevel(logging.CRITICAL)
logging.getLogger("urllib3").setLevel(logging.ERROR)  # it logs addresses with query strings
