"""What a client asks when it connects: sign-in, models, whether a training runs, the log."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import PlainTextResponse, Response

from imaging.errors import BadRequest, NotFound
from models.card import ModelCard
from service.monai_label import active_learning, infer_response
from service.monai_label.datastore import ABOUT, NAME, statistics
from service.monai_label.endpoint import serves
from service.monai_label.recent_log import lines
from service.parts import OwnerDep, PartsDep

router = APIRouter()

_VERSION = "0.8.5"
"""Of MONAI Label, whose surface this is."""


@serves(router, "GET", "/auth")
def auth() -> dict[str, Any]:
    """Nobody signs in here, as nowhere in Tessera yet."""
    return {"enabled": False, "client_id": "", "realm": ""}


@serves(router, "POST", "/auth/token")
def token() -> Response:
    """There is nothing to sign in to."""
    raise NotFound("Nobody signs in here.", hint="Leave user name and password out.")


@serves(router, "GET", "/auth/token/valid")
def valid() -> dict[str, Any]:
    """Any token will do where none is needed."""
    return {}


@serves(router, "GET", "/info")
def info(parts: PartsDep, project: OwnerDep) -> dict[str, Any]:
    """The models that take one image, and how far the datastore is; no `config`: Slicer takes
    that for an old server."""
    cards = [model.card for model in parts.registry.all() if len(model.card.channels) == 1]
    return {
        "name": NAME,
        "description": ABOUT,
        "version": _VERSION,
        "labels": list(
            dict.fromkeys(name for card in cards for name in infer_response.label_names(card))
        ),
        "models": {card.name: _model(card) for card in cards},
        "trainers": {},
        "strategies": active_learning.STRATEGIES,
        "scoring": {},
        "train_stats": {},
        "datastore": statistics(parts, project),
    }


@serves(router, "GET", "/train")
@serves(router, "DELETE", "/train")
def training() -> Response:
    """404, which clients take for idle."""
    raise NotFound("No training runs.", hint=_TRAIN)


@serves(router, "POST", "/train")
@serves(router, "POST", "/train/{model}")
def train() -> Response:
    """Refused: weights change under nobody's hands here."""
    raise BadRequest(
        "Networks are not trained through this service.",
        expected="A model that is trained, exported and added.",
        hint=_TRAIN,
    )


@serves(router, "GET", "/logs")
def logs(count: Annotated[int, Query(ge=1, le=100_000, alias="lines")] = 300) -> Response:
    """The last requests that this gateway answered, without anything that was sent."""
    return PlainTextResponse("\n".join(lines(count)) + "\n")


_TRAIN = "Train with `tessera train`, then `tessera export` and `tessera models add`."


def _model(card: ModelCard) -> dict[str, Any]:
    return {
        "type": "segmentation",
        "labels": infer_response.label_names(card),
        "dimension": card.dimension,
        "description": f"{card.title}. {card.intended_use}",
        "config": {},
    }
