"""What a server offers: models, formats, health."""

from tessera_client.operations.exchange import exchange
from tessera_client.retries import Retries
from tessera_client.steps import Request, Send, Steps, decoded, decoded_value
from tessera_client.types import Format, Health, Model


def models(retries: Retries) -> Steps[tuple[Model, ...]]:
    """All models, by name."""
    reply = yield from exchange(retries, Request("GET", "/v1/models"))
    return decoded_value(tuple[Model, ...], reply.json())


def model(retries: Retries, name: str) -> Steps[Model]:
    """One model."""
    return decoded(Model, (yield from exchange(retries, Request("GET", f"/v1/models/{name}"))))


def formats(retries: Retries) -> Steps[tuple[Format, ...]]:
    """All formats."""
    reply = yield from exchange(retries, Request("GET", "/v1/formats"))
    return decoded_value(tuple[Format, ...], reply.json())


def health() -> Steps[Health]:
    """Whether the server can serve now; not retried."""
    reply = yield Send(Request("GET", "/readyz"))
    return decoded(Health, reply)
