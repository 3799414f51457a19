"""DICOMweb as a user: QIDO-RS, WADO-RS and STOW-RS (PS3.18) of a named peer."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from dicomweb_client.session_utils import create_session, create_session_from_user_pass
from dicomweb_client.web import DICOMwebClient

from imaging.errors import BadInput, BadRequest, NotFound, ScanTooLarge, TesseraError
from imaging.formats.atomic import raising_storage_full
from imaging.formats.dicom.identity import load, save
from jobs.job import StoredScan
from service.dicom.peer_errors import PeerAway, passing, refusal
from service.http.uploads import Upload
from service.parts import Parts
from service.resources.routing_table import Peer
from service.schemas import SeriesOut
from service.use_cases import scan_intake
from service.use_cases.scan_intake import Asked

_LATER = (408, 425, 429)
"""Statuses below 500 that another attempt may heal (RFC 9110, 6585)."""
logger = logging.getLogger("tessera.pacs")

_NO_IMAGES = ("SEG", "SR", "RTSTRUCT", "RTPLAN", "RTDOSE", "PR", "KO", "DOC", "REG")
"""Modalities of a study that are not fetched with it."""
_AS_STORED = (("application/dicom", "*"),)
_BLOCK_BYTES = 1 << 20
_MOST_SERIES = 1000
"""Of a study."""
_ANSWER_BYTES = 64 << 20
"""Of an answer that is no image: a thousand series take a hundredth of this."""


_FIELDS = tuple(SeriesOut.model_fields)


def search(peer: Peer, filters: Mapping[str, str], limit: int = _MOST_SERIES) -> list[SeriesOut]:
    """Series of a peer (QIDO-RS); `filters` by keyword.

    Raises PeerAway, PeerRefused, BadRequest where it has no DICOMweb.
    """
    with _client(peer) as client, _told(peer):
        found = client.search_for_series(
            search_filters=dict(filters), fields=list(_FIELDS), limit=limit
        )
        return [_series(one) for one in found]


def pull(
    parts: Parts, project: str, peer: Peer, study: str | None, series: str | None, asked: Asked
) -> list[StoredScan]:
    """Fetches a series, or all of a study's that are images, and takes them in.

    Raises NotFound where the peer has none, PeerAway, PeerRefused, and what an upload raises; of a
    study only where none of its series can be taken in.
    """
    filters = {"StudyInstanceUID": study or "", "SeriesInstanceUID": series or ""}
    found = search(peer, {key: value for key, value in filters.items() if value})
    wanted = [one for one in found if series or one.Modality not in _NO_IMAGES]
    if not wanted:
        raise NotFound(
            "The peer has no such series.", hint="Search with GET /v1/peers/{name}/series."
        )
    scans: list[StoredScan] = []
    refused: BadInput | None = None
    for one in wanted:
        try:
            scans += _take(parts, project, peer, one, asked)
        except BadRequest:
            raise
        except BadInput as error:  # a study holds reports and the like, too
            logger.warning("Of a study that is fetched, a series was refused: %s", error)
            refused = error
    if refused is not None and not scans:
        raise refused
    return scans


def pull_series(parts: Parts, project: str, series_uid: str) -> None:
    """Takes a series in from the first peer that has it: a scan of each volume.

    Raises NotFound, and what `pull` raises; PeerAway only where no other peer has it.
    """
    missed: TesseraError = NotFound(
        "No peer has this series.", hint="See GET /v1/peers for those that are known."
    )
    for peer in parts.routes.peer:
        if peer.dicomweb is None:
            continue
        try:
            pull(parts, project, peer, None, series_uid, Asked(each=True))
        except NotFound:
            continue
        except PeerAway as error:
            missed = error
        else:
            return
    raise missed


def store(peer: Peer, path: Path) -> None:
    """Sends one DICOM file (STOW-RS); raises PeerAway, PeerRefused."""
    with _client(peer) as client, _told(peer):
        answer = client.store_instances([load(path)])
        for failed in answer.get("FailedSOPSequence") or ():
            reason = int(failed.get("FailureReason") or 0)
            raise refusal(peer, f"status {reason:04X}H", later=passing(reason))


def _take(parts: Parts, project: str, peer: Peer, one: SeriesOut, asked: Asked) -> list[StoredScan]:
    limit = parts.settings.upload_bytes
    with ExitStack() as stack:
        uploads = []
        left = limit
        with _client(peer, limit) as client, _told(peer):
            for instance in client.iter_series(
                one.StudyInstanceUID, one.SeriesInstanceUID, media_types=_AS_STORED
            ):
                path = stack.enter_context(parts.scratch.file(".dcm"))
                with raising_storage_full():
                    size = save(instance, path)
                left -= size
                if left < 0:
                    raise _too_large(limit)
                uploads.append(Upload(path, one.Modality or "DICOM", size))
        return [scan for scan, _ in scan_intake.take_in(parts, project, uploads, asked)]


@contextmanager
def _client(peer: Peer, limit: int | None = None) -> Iterator[DICOMwebClient]:
    """Answers end with an error beyond `limit` bytes of images, or what any other answer may take.

    Nobody follows a peer to where it sends us on: that may be a host that only we can reach.
    """
    if peer.dicomweb is None:
        raise BadRequest(
            f"The peer {peer.name} has no DICOMweb.",
            expected="A peer with `dicomweb` in the file of routes.",
            hint="Add it there, or name another peer.",
        )
    endless = refusal(peer, "an answer without end", later=False)
    given = peer.credentials
    session = create_session_from_user_pass(*given) if given else create_session()
    session.max_redirects = 0
    client = DICOMwebClient(
        peer.dicomweb,
        session=session,
        callback=_bounded(limit, _too_large(limit)) if limit else _bounded(_ANSWER_BYTES, endless),
        timeout=peer.timeout_s,
        headers={"Accept": "application/dicom+json"},  # answers to STOW-RS
    )
    client.set_http_retry_params(retry=False)
    with session:
        yield client


def _bounded(limit: int, error: TesseraError) -> Callable[..., Any]:
    """A hook of requests: the body of an answer ends with `error` beyond `limit` bytes."""

    def hook(response: Any, *_: Any, **__: Any) -> Any:
        whole = response.iter_content

        def counted(*args: Any, **kwargs: Any) -> Iterator[bytes]:
            came = 0
            for block in whole(*args, **kwargs):
                came += len(block)
                if came > limit + limit // 8 + _BLOCK_BYTES:
                    response.close()  # else the peer goes on sending to nobody
                    raise error
                yield block

        response.iter_content = counted
        return response

    return hook


def _too_large(limit: int) -> ScanTooLarge:
    return ScanTooLarge(
        "The series is larger than is taken here.",
        expected=f"At most {limit:,} bytes.",
        hint="Have the limit (TESSERA_UPLOAD_BYTES) raised.",
    )


@contextmanager
def _told(peer: Peer) -> Iterator[None]:
    """Turns what HTTP raises into ours; messages of libraries quote addresses, UIDs and names."""
    try:
        yield
    except TesseraError:
        raise
    except ValueError:  # a body that is no JSON is one, and an OSError besides
        raise refusal(peer, "an answer that is not DICOMweb's", later=False) from None
    except OSError as error:  # of requests' own, too: connection, timeout, status, broken body
        response = getattr(error, "response", None)
        status = None if response is None else response.status_code
        if status is None:
            raise refusal(peer, "no connection, or one that broke off", later=True) from None
        later = status >= 500 or status in _LATER or passing(_reason(response))
        raise refusal(peer, f"HTTP status {status}", later=later) from None
    except Exception as error:  # noqa: BLE001 - parsers raise what they will
        logger.warning("The answer of %s raised %s.", peer.name, type(error).__name__)
        raise refusal(peer, "an answer that is not DICOMweb's", later=False) from None


def _reason(response: Any) -> int:
    """FailureReason of the first instance that was not stored (PS3.18, I.2.2); 0: not told."""
    try:
        failed = response.json()[DICOMwebClient.lookup_tag("FailedSOPSequence")]["Value"][0]
        return int(failed[DICOMwebClient.lookup_tag("FailureReason")]["Value"][0])
    except (ValueError, LookupError, TypeError):
        return 0


def _series(found: Mapping[str, Any]) -> SeriesOut:
    told = {name: _value(found, name) for name in _FIELDS}
    count = told["NumberOfSeriesRelatedInstances"]
    return SeriesOut.model_validate({**told, "NumberOfSeriesRelatedInstances": count or None})


def _value(found: Mapping[str, Any], keyword: str) -> str:
    """The first value of an attribute in the DICOM JSON model (PS3.18, F)."""
    values = found.get(DICOMwebClient.lookup_tag(keyword), {}).get("Value") or [""]
    first = values[0]
    return str(first.get("Alphabetic", "") if isinstance(first, dict) else first)


for _name in ("dicomweb_client", "retrying"):  # they tell UIDs of studies, and whole tracebacks
    logging.getLogger(_name).setLevel(logging.CRITICAL)
logging.getLogger("urllib3").setLevel(logging.ERROR)  # it tells addresses with what was asked
