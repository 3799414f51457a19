"""Results of jobs, and reviews of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tessera_client.operations.downloads import download
from tessera_client.operations.exchange import exchange
from tessera_client.retries import Retries
from tessera_client.steps import BytesSent, Request, Steps, decoded, decoded_value, not_of_tessera
from tessera_client.types import ReaderMeasurement, Review, Verdict


def file(
    retries: Retries,
    path: str,
    to: Path,
    file_format: str | None = None,
    on_received: BytesSent | None = None,
) -> Steps[Path]:
    """Downloads a result: `path` after /v1/jobs/."""
    query = {} if file_format is None else {"format": file_format}
    return download(retries, Request("GET", f"/v1/jobs/{path}", query), to, on_received)


def report(retries: Retries, job: str) -> Steps[dict[str, Any]]:
    """The report of a job."""
    value = (yield from exchange(retries, Request("GET", f"/v1/jobs/{job}/report"))).json()
    if not isinstance(value, dict):
        raise not_of_tessera()
    return value


def reviews(retries: Retries, job: str) -> Steps[tuple[Review, ...]]:
    """The reviews of a job's mask, oldest first."""
    reply = yield from exchange(retries, Request("GET", f"/v1/jobs/{job}/reviews"))
    return decoded_value(tuple[Review, ...], reply.json())


def review(
    retries: Retries,
    job: str,
    verdict: Verdict,
    comment: str,
    reviewer: str,
    reasons: Sequence[str] = (),
    measurements: Sequence[ReaderMeasurement] = (),
) -> Steps[Review]:
    """Adds a review; not repeated, as it would be added twice."""
    body: dict[str, Any] = {"verdict": verdict, "comment": comment, "reviewer": reviewer}
    if reasons:  # older gateways do not know the member
        body["reasons"] = list(reasons)
    if measurements:
        body["measurements"] = [
            {"id": one.id, "kind": one.kind, "label": one.label, "points": one.points}
            for one in measurements
        ]
    path = f"/v1/jobs/{job}/reviews"
    request = Request("POST", path, json=body, repeatable=False)
    return decoded(Review, (yield from exchange(retries, request)))


def withdraw_review(retries: Retries, job: str, review: str) -> Steps[Review]:
    """Withdraws a review; a repetition changes nothing."""
    request = Request("POST", f"/v1/jobs/{job}/reviews/{review}/withdraw")
    return decoded(Review, (yield from exchange(retries, request)))
