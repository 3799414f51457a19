"""Lists that come in pages."""

from collections.abc import Mapping
from typing import TypeVar

from tessera_client.operations.exchange import exchange
from tessera_client.retries import Retries
from tessera_client.steps import Emit, Request, Steps, decoded_value, not_of_tessera

T = TypeVar("T")


def listed(
    retries: Retries, path: str, member: str, kind: type[T], query: Mapping[str, str | None]
) -> Steps[None]:
    """Emits every row of a list; pages are requested as the caller reaches them."""
    stated = {name: value for name, value in query.items() if value is not None}
    while True:
        page = (yield from exchange(retries, Request("GET", path, stated))).json()
        if not isinstance(page, dict) or member not in page:
            raise not_of_tessera()
        for row in decoded_value(tuple[kind, ...], page[member]):  # type: ignore[valid-type]
            yield Emit(row)
        if not page.get("next_cursor"):
            return
        stated["cursor"] = str(page["next_cursor"])
