"""The warnings of a report that follow from how a mask was made."""

from collections.abc import Callable, Hashable, Iterator
from typing import TypeVar

from inference.model_result import ModelRecord
from inference.windows.plan import WindowPlan
from models.doubt import Doubt, DoubtKind

_Stated = TypeVar("_Stated", bound=Hashable)
_REFERENCE_FAILED = "On this machine, the model does not give the mask of its reference case."


def warnings_of(record: ModelRecord) -> tuple[str, ...]:
    """All warnings, each once. Those that not all parts share, and those of the model that found
    the box, begin with the name of the model that they are about."""
    return _merged(record, _warnings, lambda text, model: f"{model}: {text}")


def doubts_of(record: ModelRecord) -> tuple[Doubt, ...]:
    """All doubts, each once, with the names of models as in `warnings_of`."""
    return _merged(record, _doubts, Doubt.about)


def uncompared_of(record: ModelRecord) -> tuple[str, ...]:
    """Why scans could not be compared with training scans, with the names of models as in
    `warnings_of`."""
    return _merged(record, _uncompared, lambda text, model: f"{model}: {text}")


def _merged(
    record: ModelRecord,
    own_of: Callable[[ModelRecord], Iterator[_Stated]],
    named: Callable[[_Stated, str], _Stated],
) -> tuple[_Stated, ...]:
    """What is stated of a model, its parts and the model that found its box."""
    parts = [_merged(part, own_of, named) for part in record.parts]
    shared: list[_Stated] = []
    if parts:
        shared = [one for one in parts[0] if all(one in other for other in parts)]
    own: list[_Stated] = [*own_of(record), *shared]
    for other in (*record.parts, *([record.coarse] if record.coarse else [])):
        stated = _merged(other, own_of, named)
        own += [named(one, other.card.name) for one in stated if one not in own]
    return tuple(dict.fromkeys(own))


def _warnings(record: ModelRecord) -> Iterator[str]:
    yield from record.notes
    network, card = record.network, record.card
    if network is None:
        return
    yield from network.warnings
    if not card.exact and not isinstance(network.plan, WindowPlan):
        yield "This network is not exact; it ran in one pass."
    if network.fallback:
        yield network.fallback
    if network.reference is not None and not network.reference.passed:
        yield f"{_REFERENCE_FAILED} {network.reference.failure} This mask may be wrong, too."
    if network.shrunk_to is not None:
        yield "Memory was short for the planned tiles; smaller tiles were used."


def _doubts(record: ModelRecord) -> Iterator[Doubt]:
    network = record.network
    if network is None:
        return
    yield from network.doubts
    if network.reference is not None and not network.reference.passed:
        yield Doubt(DoubtKind.REFERENCE, f"{_REFERENCE_FAILED} {network.reference.failure}")


def _uncompared(record: ModelRecord) -> Iterator[str]:
    if record.network is not None:
        yield from record.network.uncompared
