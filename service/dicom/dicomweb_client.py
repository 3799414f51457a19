"""DICOMweb client: QIDO-RS, WADO-RS and STOW-RS (PS3.18) of a peer."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from dicomweb_client.web import DICOMwebClient

from imaging.formats.atomic import raising_storage_full
from imaging.formats.dicom.instance_identity import load_dataset, save_dataset
from service.dicom.dicomweb_errors import series_too_large
from service.dicom.dicomweb_exchange import exchange
from service.dicom.peer_errors import is_temporary, object_refused, peer_error
from service.resources.peers import Peer
from service.resources.scratch import Scratch
from service.use_cases.archives import RemoteSeries, other_images
from service.use_cases.received_file import ReceivedFile

_AS_STORED = (("application/dicom", "*"),)
_FIELDS = tuple(field.name for field in fields(RemoteSeries))


def search(peer: Peer, filters: Mapping[str, str], limit: int) -> list[RemoteSeries]:
    """Series of a peer (QIDO-RS); `filters` by keyword.

    Raises PeerUnavailable, PeerRefused, BadRequest for a peer without DICOMweb.
    """
    with exchange(peer) as client:
        rows = client.search_for_series(
            search_filters=dict(filters), fields=list(_FIELDS), limit=limit
        )
        return [_series(row) for row in rows[:limit]]


@contextmanager
def fetch(
    peer: Peer, series: RemoteSeries, scratch: Scratch, max_bytes: int
) -> Iterator[Sequence[ReceivedFile]]:
    """The instances of a series (WADO-RS), in scratch until the end of the block.

    Raises PeerUnavailable, PeerRefused, OtherImages for an instance of another study or series, and
    ScanTooLarge above `max_bytes` in all.
    """
    with ExitStack() as stack:
        files = []
        left = max_bytes
        with exchange(peer, max_bytes) as client:
            for instance in client.iter_series(
                series.StudyInstanceUID, series.SeriesInstanceUID, media_types=_AS_STORED
            ):
                if not _is_of(series, instance):
                    raise other_images(peer)
                path = stack.enter_context(scratch.file(".dcm"))
                with raising_storage_full():
                    size = save_dataset(instance, path)
                left -= size
                if left < 0:
                    raise series_too_large(max_bytes)
                files.append(ReceivedFile(path, series.Modality or "DICOM", size))
        yield files


def store(peer: Peer, path: Path) -> None:
    """Sends one DICOM file (STOW-RS); raises PeerUnavailable, PeerRefused, ObjectRefused."""
    with exchange(peer, storing=path.stat().st_size) as client:
        response = client.store_instances([load_dataset(path)])
        for failed in response.get("FailedSOPSequence") or ():
            reason = int(failed.get("FailureReason") or 0)
            text = f"STOW-RS failure reason {reason:04X}H"
            if is_temporary(reason):
                raise peer_error(peer, text, temporary=True)
            raise object_refused(peer, text)


def _is_of(series: RemoteSeries, instance: Any) -> bool:
    """Whether an instance, a pydicom data set, belongs to this series of this study."""
    return all(
        str(instance.get(keyword, "")).strip(" \0") == getattr(series, keyword)
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID")
    )


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
