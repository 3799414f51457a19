"""Whether a network may count in less than fp32 here: its sample's mask, made both ways.

bf16 and fp16 change logits in their third digit. A trained network decides most voxels by more than
that; one that does not would give other masks on other machines, and runs in fp32.
"""

import json
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.errors import JobLost, StorageFull, TesseraError
from imaging.formats.atomic import replacing
from imaging.metrics import dice
from inference.device import Device, fingerprint
from models.card import ModelCard

log = logging.getLogger(__name__)

LEAST = 0.999
"""Of the voxels that agree, and of every label's Dice."""

Masks = Callable[[Device], NDArray[Any]]
"""The sample's mask as a device makes it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How alike both masks are."""

    agreement: float = 0.0
    """Fraction of voxels with the same label."""
    dice: float = 0.0
    """The least over the labels; of numbered objects, of all of them together."""
    reason: str = ""
    """Why there was nothing to compare."""

    @property
    def passed(self) -> bool:
        """Whether the lesser precision may be taken."""
        return not self.reason and min(self.agreement, self.dice) >= LEAST


@dataclass(slots=True)
class PrecisionGate:
    """Verdicts by network and device, kept in a folder, if there is one, for later processes."""

    folder: Path | None = None
    _known: dict[str, Verdict] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def verdict(self, card: ModelCard, device: Device, masks: Masks) -> Verdict:
        """Of `device`, whose precision is less than fp32, against fp32 on the same runtime."""
        told = {"model": card.sha256, "where": fingerprint(device), "sample": str(card.sample)}
        key = sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
        with self._lock:
            found = self._known.get(key) or self._read(key)
            if found is None:
                try:
                    found = compared(masks(replace(device, precision="fp32")), masks(device), card)
                except JobLost:
                    raise
                except (TesseraError, ValueError, OSError, MemoryError) as error:
                    return Verdict(reason=str(error))  # not kept: it may go better another time
                self._keep(key, found, device)
            self._known[key] = found
            return found

    def _keep(self, key: str, found: Verdict, device: Device) -> None:
        """On disk, unless the fingerprint does not identify the hardware."""
        log.debug("%s: %s", device, found)
        if self.folder is None or not device.runtime.identified:
            return
        with suppress(OSError, StorageFull):  # it costs time alone to try again
            self.folder.mkdir(parents=True, exist_ok=True)
            with replacing(self.folder / f"{key}.json") as file:
                file.write(json.dumps(asdict(found)).encode())

    def _read(self, key: str) -> Verdict | None:
        if self.folder is None:
            return None
        try:
            return Verdict(**json.loads((self.folder / f"{key}.json").read_text()))
        except (OSError, TypeError, ValueError):
            return None


def compared(exact: NDArray[Any], reduced: NDArray[Any], card: ModelCard) -> Verdict:
    """Of two masks of one scan: label values, or object numbers, which need not agree."""
    if card.instances is not None:
        exact, reduced = exact > 0, reduced > 0
    if not exact.any():
        return Verdict(reason="The network finds nothing in its sample.")
    values = np.unique(exact[exact > 0])
    return Verdict(
        agreement=float((exact == reduced).mean()),
        dice=min(dice(exact == value, reduced == value) for value in values),
    )
