"""Outcomes of reference cases on this machine, kept for its later jobs."""

from contextlib import suppress
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from importlib.metadata import version

from inference.device import Device
from inference.kept_results import KeptResults, key_of
from inference.reference_outcome import ReferenceOutcome
from models.card import ModelCard


@dataclass(frozen=True, slots=True)
class KeptReferences:
    """Outcomes by card and device."""

    kept: KeptResults = field(default_factory=KeptResults)
    _outcomes: dict[str, ReferenceOutcome] = field(default_factory=dict)

    def get(self, card: ModelCard, device: Device) -> ReferenceOutcome | None:
        """The outcome on this machine; None where the case was not run, or there is none."""
        if card.reference is None:
            return None
        key = _key(card, device)
        with suppress(TypeError):  # another process may have run it again
            return ReferenceOutcome(**(self.kept.read(key) or {}))
        return self._outcomes.get(key)

    def put(self, card: ModelCard, device: Device, outcome: ReferenceOutcome) -> None:
        """Keeps the outcome of a run."""
        key = _key(card, device)
        self._outcomes[key] = outcome
        self.kept.write(key, asdict(outcome), device)


def _key(card: ModelCard, device: Device) -> str:
    """Changes with all that the mask depends on: network, card, device, and Tessera itself."""
    stated = sha256(card.model_dump_json().encode()).hexdigest()
    return key_of(card, device, stated=stated, tessera=version("tessera-seg"))
