"""Errors of DICOMweb exchanges."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dicomweb_client.web import DICOMwebClient

from imaging.errors import ScanTooLarge, TesseraError
from service.dicom.peer_errors import is_temporary, object_refused, peer_error, peer_tls_error
from service.resources.peers import Peer
from service.tls.failures import reason_of

logger = logging.getLogger("tessera.dicom")

_TEMPORARY = (408, 425, 429)
"""HTTP statuses below 500 after which another attempt may succeed (RFC 9110, 6585)."""
_ABOUT_THE_OBJECT = (400, 409, 415, 422)
"""HTTP statuses with which servers refuse an object; another kind of object may be accepted."""


@contextmanager
def peer_errors(peer: Peer, *, storing: bool = False) -> Iterator[None]:
    """Turns exceptions of the HTTP libraries into ours; theirs quote addresses, UIDs and names."""
    try:
        yield
    except TesseraError:
        raise
    except ValueError:  # invalid JSON raises a ValueError that is an OSError too
        raise peer_error(peer, "its response is not DICOMweb", temporary=False) from None
    except OSError as error:  # also those of `requests`: connection, timeout, status, broken body
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


def series_too_large(limit: int) -> ScanTooLarge:
    """The error for a series of more than `limit` bytes."""
    return ScanTooLarge(
        "The series is too large.",
        expected=f"At most {limit:,} bytes.",
        hint="Fetch a smaller series, or let an administrator raise TESSERA_MAX_UPLOAD_BYTES.",
    )
