"""Checks whether a network tolerates less than fp32: compares masks of its sample.

bf16 and fp16 change logits in their third digit. A trained network decides most voxels by a larger
margin. A network that does not would give different masks on different machines; it runs in fp32.
"""

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.errors import JobLost, TesseraError
from imaging.metrics import dice
from inference.device import Device
from inference.kept_results import KeptResults, key_of
from inference.run_context import RunContext
from inference.waiting_locks import KeyedLocks
from models.card import ModelCard

log = logging.getLogger(__name__)

LEAST = 0.999
"""Least fraction of equal voxels, and least Dice of every label."""

SampleMask = Callable[[Device], NDArray[Any]]
"""Computes the sample's mask on a device."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How similar the two masks are."""

    agreement: float = 0.0
    """Fraction of voxels with the same label."""
    dice: float = 0.0
    """The lowest Dice of all labels; for numbered objects, of all objects together."""
    reason: str = ""
    """Why the masks could not be compared."""

    @property
    def passed(self) -> bool:
        """Whether the network may run in the shorter precision."""
        return not self.reason and min(self.agreement, self.dice) >= LEAST


@dataclass(slots=True)
class PrecisionGate:
    """Verdicts by network and device."""

    kept: KeptResults = field(default_factory=KeptResults)
    _verdicts: dict[str, Verdict] = field(default_factory=dict)
    _locks: KeyedLocks = field(default_factory=KeyedLocks)

    def kept_verdict(self, card: ModelCard, device: Device) -> Verdict | None:
        """The verdict of an earlier comparison on this machine; None where there is none."""
        key = _key(card, device)
        return self._verdicts.get(key) or self._read(key)

    def verdict(
        self,
        card: ModelCard,
        device: Device,
        sample_mask: SampleMask,
        context: RunContext | None = None,
    ) -> Verdict:
        """Compares `device`, which computes in less than fp32, with fp32 on the same runtime.

        Networks are compared independently of each other. Raises JobLost once the run is cancelled.
        """
        key, context = _key(card, device), context or RunContext()
        with self._locks.holding(key, context):
            verdict = self.kept_verdict(card, device)
            if verdict is None:
                context.on_preparing(True)
                try:
                    exact = sample_mask(replace(device, precision="fp32"))
                    verdict = compare_masks(exact, sample_mask(device), card)
                except JobLost:
                    raise
                except (TesseraError, ValueError, OSError, MemoryError) as error:
                    return Verdict(reason=str(error))  # not kept: the next attempt may succeed
                log.debug("%s: %s", device, verdict)
                self.kept.write(key, asdict(verdict), device)
            self._verdicts[key] = verdict
            return verdict

    def _read(self, key: str) -> Verdict | None:
        values = self.kept.read(key)
        try:
            return None if values is None else Verdict(**values)
        except TypeError:
            return None


def _key(card: ModelCard, device: Device) -> str:
    return key_of(card, device, sample=str(card.sample))


def compare_masks(exact: NDArray[Any], reduced: NDArray[Any], card: ModelCard) -> Verdict:
    """Compares two masks of one scan: label values, or object numbers, which may differ."""
    if card.instances is not None:
        exact, reduced = exact > 0, reduced > 0
    if not exact.any():
        return Verdict(reason="The network predicts no label in its sample.")
    values = np.unique(exact[exact > 0])
    return Verdict(
        agreement=float((exact == reduced).mean()),
        dice=min(dice(exact == value, reduced == value) for value in values),
    )
