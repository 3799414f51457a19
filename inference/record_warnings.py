"""The warnings of a report that follow from how a mask was made."""

from collections.abc import Iterator

from inference.model_result import ModelRecord
from inference.windows.plan import WindowPlan


def warnings_of(record: ModelRecord) -> tuple[str, ...]:
    """All warnings, each once. Those that not all parts share, and those of the model that found
    the box, begin with the name of the model that they are about."""
    parts = [warnings_of(part) for part in record.parts]
    shared = [text for text in parts[0] if all(text in texts for texts in parts)] if parts else []
    own = [*record.notes, *_of_network(record), *shared]
    for other in (*record.parts, *([record.coarse] if record.coarse else [])):
        own += [f"{other.card.name}: {text}" for text in warnings_of(other) if text not in own]
    return tuple(dict.fromkeys(own))


def _of_network(record: ModelRecord) -> Iterator[str]:
    network, card = record.network, record.card
    if network is None:
        return
    yield from network.warnings
    if not card.exact and not isinstance(network.plan, WindowPlan):
        yield "This network is not exact; it ran in one pass."
    if network.fallback:
        yield network.fallback
    if network.reference is not None and not network.reference.passed:
        yield (
            "On this machine, the model does not give the mask of its reference case. "
            f"{network.reference.failure} This mask may be wrong, too."
        )
    if network.shrunk_to is not None:
        yield "Memory was short for the planned tiles; smaller tiles were used."
