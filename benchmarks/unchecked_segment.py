"""Segments a scan in the lowest precision of the hardware, whatever the precision check says.

    python -P benchmarks/unchecked_segment.py MODEL SCAN MASK

A process of its own, like `tessera segment`. The model is one of TESSERA_DATA.
"""

import sys
from pathlib import Path

from imaging.formats.mask_file import write
from imaging.formats.sniff import open_scan
from inference.device import Device, choose
from inference.networks.session import Session
from inference.pipeline import segment
from inference.planner import Budget
from inference.run_context import RunContext
from jobs.settings import Settings
from models.registry import Registry

BUDGET = 4 << 30


def main(name: str, scan: Path, mask: Path) -> None:
    """Writes the mask."""
    settings = Settings()
    entry = Registry(settings.added_models).get(name)
    device = Device(choose("auto", "fp32").name, "bf16")
    session = Session(entry.verified, device, settings.threads, settings.cache_folder)
    opened = open_scan(scan)
    inputs = {entry.card.channels[0].name: opened}
    result = segment(inputs, entry.card, session, Budget(BUDGET), context=RunContext())
    write(mask, result.mask, opened)


if __name__ == "__main__":
    main(sys.argv[1], *map(Path, sys.argv[2:]))
