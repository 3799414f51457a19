"""Models: what can segment a scan."""

from typing import Annotated

from fastapi import APIRouter, Path

from service.auth import Permission
from service.http.dependencies import RegistryDep
from service.http.permissions import Allowed
from service.routes.serializers import model_out
from service.schemas import ModelName, ModelOut

router = APIRouter(tags=["models"], dependencies=[Allowed(Permission.MODELS_READ)])


@router.get("/v1/models")
def list_models(registry: RegistryDep) -> list[ModelOut]:
    """All models, by name."""
    return [model_out(model.card) for model in registry.all()]


@router.get("/v1/models/{name}")
def get_model(
    name: Annotated[ModelName, Path(description="Name of the model, as in GET /v1/models.")],
    registry: RegistryDep,
) -> ModelOut:
    """One model with its complete card."""
    return model_out(registry.get(name).card)
