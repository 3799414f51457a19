"""Models: what can be asked for."""

from fastapi import APIRouter

from service.parts import PartsDep
from service.routes import serializers
from service.schemas import ModelName, ModelOut

router = APIRouter(tags=["models"])


@router.get("/v1/models")
def list_models(parts: PartsDep) -> list[ModelOut]:
    """Every model that is served, by name."""
    return [serializers.model_out(model.card) for model in parts.registry.all()]


@router.get("/v1/models/{name}")
def get_model(name: ModelName, parts: PartsDep) -> ModelOut:
    """One model and its whole card."""
    return serializers.model_out(parts.registry.get(name).card)
