"""Models as JSON of /v1."""

from models.any_card import AnyCard
from models.model_fit import ModelFit
from service.schemas import DoubtOut, LabelOut, ModelFitOut, ModelOut


def model_out(card: AnyCard) -> ModelOut:
    """A model's card, with the facts that a page shows first at the top level."""
    return ModelOut(
        name=card.full_name,
        version=card.version,
        title=card.title,
        description=card.description,
        dimension=card.dimension,
        channels=[channel.name for channel in card.requested_channels],
        labels=[LabelOut(value=n.value, name=n.name, color=n.color) for n in card.labels],
        instances=card.instances is not None,
        exact=card.exact,
        licence=card.licence,
        intended_use=card.intended_use,
        card=card.model_dump(mode="json"),
    )


def model_fit_out(fit: ModelFit) -> ModelFitOut:
    """How a scan fits a model."""
    return ModelFitOut(
        model=fit.card.full_name,
        channel=fit.channel,
        doubts=[DoubtOut(kind=doubt.kind, text=doubt.text) for doubt in fit.doubts],
        matches=list(fit.matches),
        unknown=list(fit.unknown),
    )
