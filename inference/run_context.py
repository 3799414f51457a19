"""What accompanies a run: progress, cancellation and temporary files."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from inference.cancellation import CancelToken

OnTile = Callable[[int, int], None]
"""Called with (tiles done, all tiles), first with (0, all)."""
OnPreparing = Callable[[bool], None]
"""Called with True when the run has to wait until its network is compiled, measured and checked on
this machine, and again as that goes on; with False when the network is ready."""


OnPreparation = Callable[[str, int, int], None]
"""Called while the network is prepared with (name of the step, tiles done, all tiles). A step
without tiles has 0 of 0."""


def _ignore(*_values: object) -> None:
    pass


class Step(StrEnum):
    """The steps of a run; a model that is made of others repeats some of them."""

    OPEN = "open scans"
    PREPARE = "prepare network"
    """It is loaded and, where that was not done on this machine yet, compiled, measured and
    checked."""
    READ = "read scans"
    """They are also resampled and normalised as the network needs it, or at least measured."""
    SEGMENT = "segment"
    POSTPROCESS = "postprocess"
    WRITE = "write mask"


def _unobserved(_step: Step) -> AbstractContextManager[None]:
    return nullcontext()


@dataclass(frozen=True, slots=True)
class RunContext:
    """The parts of a run that do not change its mask."""

    on_tile: OnTile = _ignore
    token: CancelToken = field(default_factory=CancelToken)
    """Once it is cancelled, the run raises JobLost."""
    scratch: Path | None = None
    """Folder for arrays larger than memory; None: the system's own."""
    on_preparing: OnPreparing = _ignore
    on_preparation: OnPreparation = _ignore
    on_notice: Callable[[str], None] = _ignore
    """Called with a sentence for the user."""
    step: Callable[[Step], AbstractContextManager[None]] = _unobserved
    """Surrounds each step."""


def stage(context: RunContext, number: int, stages: int) -> RunContext:
    """The context of one of several runs, from number 0; each counts as the same part of all."""
    if stages == 1:
        return context

    def on_tile(done: int, total: int) -> None:
        context.on_tile(number * total + done, stages * total)

    return replace(context, on_tile=on_tile)
