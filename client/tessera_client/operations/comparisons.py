"""Comparisons of two masks."""

from collections.abc import Mapping

from tessera_client.comparison_types import MaskComparison
from tessera_client.operations.exchange import exchange
from tessera_client.retries import Retries
from tessera_client.steps import Request, Steps, decoded


def compare(retries: Retries, job: str, options: Mapping[str, str | None]) -> Steps[MaskComparison]:
    """Compares the mask of a job, or of a review of it, with another one."""
    query = {name: value for name, value in options.items() if value}
    sent = Request("GET", f"/v1/jobs/{job}/comparison", query)
    return decoded(MaskComparison, (yield from exchange(retries, sent)))
