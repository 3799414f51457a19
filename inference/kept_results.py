"""Results of checks and measurements, kept in a folder so that later processes need not repeat
them."""

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from math import inf
from pathlib import Path
from typing import Any

from imaging.errors import StorageFull
from imaging.formats.atomic import replacing
from inference.device import Device, fingerprint
from models.card import ModelCard


def key_of(card: ModelCard, device: Device, **facts: object) -> str:
    """Identifies a result: the network, the device, and all else that it depends on."""
    known = {"model": card.checksum, "where": fingerprint(device), **facts}
    return sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class KeptResults:
    """One JSON file for each result. A file that cannot be read or written counts as missing."""

    folder: Path | None = None
    """None: nothing is kept."""
    longest_s: float = inf
    """How long a result is valid, in seconds."""

    def read(self, key: str) -> dict[str, Any] | None:
        """None where no valid result is kept."""
        if self.folder is None:
            return None
        path = self.folder / f"{key}.json"
        try:
            if abs(time.time() - path.stat().st_mtime) > self.longest_s:
                return None
            values = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return values if isinstance(values, dict) else None

    def write(self, key: str, values: Mapping[str, Any], device: Device) -> None:
        """Writes a file, unless the device's fingerprint does not identify the hardware."""
        if self.folder is None or not device.runtime.identified:
            return
        with suppress(OSError, StorageFull):
            self.folder.mkdir(parents=True, exist_ok=True)
            with replacing(self.folder / f"{key}.json") as file:
                file.write(json.dumps(dict(values)).encode())
