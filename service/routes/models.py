"""Models: what can segment a scan."""

from typing import Annotated

from fastapi import Path

from service.auth import Permission, Principal
from service.http.dependencies import UsableModelsDep
from service.http.permissions import Allowed
from service.http.router import Router
from service.routes.model_serializers import model_out
from service.schemas import ModelName, ModelOut

router = Router(tags=["models"])

_Reader = Annotated[Principal, Allowed(Permission.MODELS_READ)]


@router.get("/v1/models")
def list_models(models: UsableModelsDep, principal: _Reader) -> list[ModelOut]:
    """All models that the project may use, by name."""
    return [model_out(model.card) for model in models.all(principal.project)]


@router.get("/v1/models/{name}")
def get_model(
    name: Annotated[ModelName, Path(description="Name of the model, as in GET /v1/models.")],
    models: UsableModelsDep,
    principal: _Reader,
) -> ModelOut:
    """One model with its complete card."""
    return model_out(models.get(principal.project, name).card)
