"""What windows need in memory, and what is given up where memory is short."""

from dataclasses import dataclass
from math import prod

from imaging.errors import Unavailable
from inference.planner import Budget
from inference.windows.plan import WindowPlan
from inference.windows.sums import sums_bytes
from models.card import ModelCard

BATCH_VOXELS = 1 << 21
"""Most voxels of a batch with more than one image: larger batches are no faster."""


@dataclass(frozen=True, slots=True)
class WindowMemory:
    """How windows run within a budget; neither changes the mask."""

    most_images: int
    """How many images go through the network together."""
    sums_on_scratch: bool
    """Whether the sums of the windows are in a file."""


def window_memory(plan: WindowPlan, card: ModelCard, budget: Budget) -> WindowMemory:
    """Batches and place of the sums. Raises Unavailable where one window does not fit."""
    window = budget.tile_bytes(card, plan.patch)
    if window > budget.memory_bytes:
        size = " x ".join(map(str, plan.patch))
        raise Unavailable(
            f"A window of {size} voxels needs about {window / 1e6:.0f} MB of memory.",
            expected=f"It must fit the budget of {budget.memory_bytes / 1e6:.0f} MB.",
            hint="Give the worker more memory, or raise TESSERA_MEMORY_BYTES. The model's card "
            "states the size of its windows; another size would give another mask.",
        )
    sums = _sums_bytes(plan, card)
    if budget.host_bytes is None:
        fits, left = window + sums <= budget.memory_bytes, budget.memory_bytes
        left -= sums if fits else 0
    else:
        fits, left = sums <= budget.host_bytes, budget.memory_bytes
    most = min(left // max(1, int(window)), BATCH_VOXELS // prod(plan.patch))
    return WindowMemory(max(1, int(most)), not fits)


def _sums_bytes(plan: WindowPlan, card: ModelCard) -> int:
    """Memory of all sums; networks that are summed in 16 bits have their own each."""
    windows, outputs = card.windows, len(card.outputs)
    if windows is None or windows.sums == "float32":
        return sums_bytes(plan, outputs, "float32")
    return sums_bytes(plan, outputs, windows.sums) * (1 + len(card.members))
