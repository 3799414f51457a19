"""What a client requests when it connects: sign-in, models, training state, the log."""

from typing import Annotated, Any

from fastapi import Query
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from imaging.errors import BadRequest, NotFound
from models.any_card import AnyCard
from service.auth import HttpCaller, Permission, Principal
from service.http.dependencies import KnownCallersDep, UsableModelsDep
from service.http.permissions import Allowed, authenticated, http_caller
from service.http.router import Router
from service.monai_label import active_learning, infer_response
from service.monai_label.datastore import DESCRIPTION, NAME, LabelsDep, statistics
from service.monai_label.endpoint import endpoint
from service.monai_label.form import received_fields
from service.monai_label.recent_log import lines

router = Router()

_VERSION = "0.8.5"
"""The version of MONAI Label whose API this is."""
_TRAIN = "Train with `tessera train`, then `tessera export` and `tessera models add`."


@endpoint(router, "GET", "/auth", Allowed(Permission.PUBLIC))
def auth(callers: KnownCallersDep) -> dict[str, Any]:
    """Whether clients need to sign in: with accounts, by an API key as the password."""
    return {"enabled": callers.current().accounts, "client_id": "", "realm": ""}


@endpoint(router, "POST", "/auth/token", Allowed(Permission.PUBLIC))
async def token(request: Request, callers: KnownCallersDep) -> dict[str, Any]:
    """The API key that was sent as the password, if it is valid: clients send it as a token.

    404 where there are no accounts.
    """
    if not callers.current().accounts:
        raise NotFound(
            "This service has no sign-in.", hint="Leave the user name and the password empty."
        )
    key = (await received_fields(request)).get("password", "")
    await authenticated(request, HttpCaller(authorization=f"Bearer {key}"))
    return {"access_token": key, "token_type": "bearer"}


@endpoint(router, "GET", "/auth/token/valid", Allowed(Permission.PUBLIC))
async def valid(request: Request) -> dict[str, Any]:
    """401 unless the request's token is valid; without accounts none is needed."""
    await authenticated(request, http_caller(request))
    return {}


@endpoint(router, "GET", "/info")
def info(
    models: UsableModelsDep,
    labels: LabelsDep,
    principal: Annotated[Principal, Allowed(Permission.MODELS_READ)],
) -> dict[str, Any]:
    """The models that take one image, and statistics of the datastore.

    There is no `config`: 3D Slicer takes a server that sends one for an old server.
    """
    cards = [
        model.card
        for model in models.all(principal.project)
        if len(model.card.requested_channels) == 1
    ]
    names = (name for card in cards for name in infer_response.label_names(card))
    return {
        "name": NAME,
        "description": DESCRIPTION,
        "version": _VERSION,
        "labels": list(dict.fromkeys(names)),
        "models": {card.full_name: _model(card) for card in cards},
        "trainers": {},
        "strategies": active_learning.STRATEGIES,
        "scoring": {},
        "train_stats": {},
        "datastore": statistics(labels, principal),
    }


@endpoint(router, "GET", "/train", Allowed(Permission.MODELS_READ))
@endpoint(router, "DELETE", "/train", Allowed(Permission.MODELS_READ))
def training() -> Response:
    """404, which clients read as idle."""
    raise NotFound("No training runs.", hint=_TRAIN)


@endpoint(router, "POST", "/train", Allowed(Permission.MODELS_READ))
@endpoint(router, "POST", "/train/{model}", Allowed(Permission.MODELS_READ))
def train() -> Response:
    """Refused: this service never changes the weights of its models."""
    raise BadRequest(
        "Networks are not trained through this service.",
        expected="A model that was trained and exported on the command line.",
        hint=_TRAIN,
    )


@endpoint(router, "GET", "/logs", Allowed(Permission.SERVICE_LOGS))
def logs(count: Annotated[int, Query(ge=1, le=100_000, alias="lines")] = 300) -> Response:
    """The latest requests in the access log, without request content."""
    return PlainTextResponse("\n".join(lines(count)) + "\n")


def _model(card: AnyCard) -> dict[str, Any]:
    return {
        "type": "segmentation",
        "labels": infer_response.label_names(card),
        "dimension": card.dimension,
        "description": f"{card.title}. {card.intended_use}",
        "config": {},
    }
