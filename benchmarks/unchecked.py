"""Segments a scan in the lowest precision of the hardware, whatever the check of precision says.

    python -P benchmarks/unchecked.py MODEL MASK CHANNEL=SCAN ...

A process of its own, like `tessera segment`, with the same settings.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

from imaging.formats.mask_file import write
from imaging.formats.sniff import open_scan
from inference.engine import Engine
from inference.options import UNCHECKED, RunOptions
from jobs.settings import Settings
from models.registry import Registry


def segment_unchecked(model: str, scans: Mapping[str, Path], mask: Path) -> None:
    """Writes the mask of the scans, which are given by channel."""
    settings = Settings()
    registry = Registry(settings.added_models)
    engine = Engine(
        registry,
        settings.device,
        settings.memory_bytes,
        settings.threads,
        cache=settings.cache_folder,
    )
    opened = {name: open_scan(path) for name, path in scans.items()}
    entry = registry.get(model)
    result = engine.run(opened, entry, RunOptions(precision=UNCHECKED))
    write(mask, result.mask, opened[entry.card.channels[0].name])


if __name__ == "__main__":
    name, out, *parts = sys.argv[1:]
    segment_unchecked(name, {k: Path(v) for k, v in (p.split("=", 1) for p in parts)}, Path(out))
