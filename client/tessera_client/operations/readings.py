"""Second readings of jobs."""

from collections.abc import Mapping
from typing import Any

from tessera_client.decoding import encode
from tessera_client.operations.exchange import exchange
from tessera_client.reading_types import ReaderAgreement, ReadingOptions, SecondReading
from tessera_client.retries import Retries
from tessera_client.steps import Request, Steps, decoded, decoded_value, not_of_tessera


def request(
    retries: Retries, job: str, options: ReadingOptions, reader: str
) -> Steps[SecondReading]:
    """Puts a job up for a second reading; a repetition changes nothing."""
    body = encode(options) | _named(reader)
    sent = Request("PUT", f"/v1/jobs/{job}/second-reading", json=body)
    return decoded(SecondReading, (yield from exchange(retries, sent)))


def request_many(
    retries: Retries,
    filters: Mapping[str, str],
    share: float,
    seed: int,
    options: ReadingOptions,
    reader: str,
) -> Steps[tuple[str, ...]]:
    """Puts a share of the jobs that the filters select up; not repeated, as it could take more."""
    body: dict[str, Any] = {"share": share, "seed": seed, **encode(options), **_named(reader)}
    sent = Request("POST", "/v1/second-readings", filters, json=body, repeatable=False)
    value = (yield from exchange(retries, sent)).json()
    if not isinstance(value, dict):
        raise not_of_tessera()
    return decoded_value(tuple[str, ...], value.get("jobs"))


def get(retries: Retries, job: str, reader: str) -> Steps[SecondReading]:
    """The second reading of a job."""
    sent = Request("GET", f"/v1/jobs/{job}/second-reading", _named(reader))
    return decoded(SecondReading, (yield from exchange(retries, sent)))


def cancel(retries: Retries, job: str) -> Steps[None]:
    """Cancels the second reading of a job."""
    yield from exchange(retries, Request("DELETE", f"/v1/jobs/{job}/second-reading"))


def agreement(retries: Retries, filters: Mapping[str, str]) -> Steps[ReaderAgreement]:
    """The agreement of readers, over the jobs that the filters select."""
    sent = Request("GET", "/v1/second-readings/agreement", filters)
    return decoded(ReaderAgreement, (yield from exchange(retries, sent)))


def _named(reader: str) -> dict[str, str]:
    return {"reader": reader} if reader else {}
