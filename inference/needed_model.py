"""A model whose mask another model needs: for a channel, or for the box in which it runs."""

from imaging.errors import BadModel, NotFound
from models.any_card import AnyCard
from models.card import ModelCard
from models.card_parts import Within
from models.registry import Model, Registry


def needed_model(card: AnyCard, name: str, registry: Registry) -> Model:
    """The model `name`, which runs before that of `card`, on the same scans.

    Raises BadModel where it is not available, takes other scans, or needs a model itself.
    """
    try:
        needed = registry.network(name)
    except NotFound as error:
        raise BadModel(
            f"{card.name} needs the mask of the model {name}, which is not available.",
            expected="Both models on every machine that runs jobs.",
            hint=f"Add {name}, or give a mask in the request.",
        ) from error
    own = {channel.name for channel in card.requested_channels}
    required = {channel.name for channel in needed.card.requested_channels}
    first = card.channels[0].name
    if not required <= own or needed.card.channels[0].name != first:
        raise BadModel(
            f"{name}, whose mask {card.name} needs, takes the scans {', '.join(sorted(required))}.",
            expected=f"Some of: {', '.join(sorted(own))}, {first} first.",
            hint="Give the channels of both cards the same names.",
        )
    if needed.card.needed_models:
        raise BadModel(
            f"{name}, whose mask {card.name} needs, itself needs the mask of another model.",
            expected="A model that needs no other one.",
            hint="Give a mask in the request.",
        )
    return needed


def box_values(within: Within, coarse: ModelCard) -> list[int]:
    """Values of the labels around which a model runs; empty: of all. Raises BadModel for a name
    that is no label of the coarse model."""
    known = {label.name: label.value for label in coarse.labels}
    for name in within.labels:
        if name not in known:
            raise BadModel(
                f"The box is to contain {name}, which is no label of {coarse.name}.",
                expected=f"Some of: {', '.join(known)}.",
                hint="Correct the labels of `within`.",
            )
    return [known[name] for name in within.labels]


def check_needed(card: AnyCard, registry: Registry) -> None:
    """Raises BadModel where a model that `card` needs is not available or does not fit."""
    for name in sorted(card.needed_models):
        needed = needed_model(card, name, registry)
        if card.within is not None and card.within.model == name:
            box_values(card.within, needed.card)
