"""Drafts of corrections."""

import gzip
import struct
import zlib
from collections.abc import Iterable
from typing import Any

from tessera_client.correction_types import Draft, Run
from tessera_client.operations.exchange import deletion, exchange
from tessera_client.retries import Retries
from tessera_client.steps import Request, Steps, decoded, not_of_tessera
from tessera_client.types import Review

_RUN = struct.Struct("<3I")
_BYTES = {"Content-Type": "application/octet-stream"}


def begin(retries: Retries, job: str, reader: str, base: str | None) -> Steps[Draft]:
    """Begins a draft, or returns the reader's; a repetition changes nothing."""
    request = Request("PUT", f"/v1/jobs/{job}/draft", json={"reader": reader, "base": base})
    return decoded(Draft, (yield from exchange(retries, request)))


def get(retries: Retries, job: str, reader: str) -> Steps[Draft]:
    """The reader's draft."""
    request = Request("GET", f"/v1/jobs/{job}/draft", {"reader": reader})
    return decoded(Draft, (yield from exchange(retries, request)))


def append(retries: Retries, draft: Draft, runs: Iterable[Run], seconds: float) -> Steps[Draft]:
    """Sends the next set of changes; a repetition changes nothing."""
    path = f"/v1/jobs/{draft.job}/draft/changes/{draft.changes + 1}"
    packed = gzip.compress(b"".join(_RUN.pack(*run) for run in runs), mtime=0)
    query = _of(draft) | {"seconds": str(seconds)}
    request = Request("PUT", path, query, _BYTES, body=packed)
    return decoded(Draft, (yield from exchange(retries, request)))


def changes(retries: Retries, draft: Draft) -> Steps[tuple[Run, ...]]:
    """The runs of all sets of a draft."""
    request = Request("GET", f"/v1/jobs/{draft.job}/draft/changes", _of(draft))
    packed = (yield from exchange(retries, request)).content
    try:
        return tuple(_RUN.iter_unpack(gzip.decompress(packed)))
    except (OSError, EOFError, zlib.error, struct.error) as error:
        raise not_of_tessera() from error


def save(
    retries: Retries, draft: Draft, comment: str, seen: str | None, adjudicates: bool
) -> Steps[Review]:
    """Makes a review of a draft; a repetition returns the same review."""
    body: dict[str, Any] = {"verdict": "corrected", "comment": comment, "reviewer": draft.reader}
    body |= {"draft": draft.id, "draft_changes": draft.changes, "seen": seen}
    body |= {"adjudicates": adjudicates}
    request = Request("POST", f"/v1/jobs/{draft.job}/reviews", json=body)
    return decoded(Review, (yield from exchange(retries, request)))


def give_up(retries: Retries, draft: Draft) -> Steps[None]:
    """Deletes a draft; raises NotFound, unless an earlier try may have deleted it."""
    return deletion(retries, Request("DELETE", f"/v1/jobs/{draft.job}/draft", _of(draft)))


def _of(draft: Draft) -> dict[str, str]:
    return {"draft": draft.id, "reader": draft.reader}
