"""Loss and metrics as curves for TensorBoard."""

from pathlib import Path
from typing import Self

from torch.utils.tensorboard.writer import SummaryWriter


class Curves:
    """Event files in the output folder; `tensorboard --logdir FOLDER` shows them."""

    def __init__(self, out: Path, step: int) -> None:
        # a resumed run repeats the steps after its last checkpoint
        self._writer = SummaryWriter(str(out), purge_step=step + 1 if step else None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def add(self, report: dict[str, float]) -> None:
        """Adds one point to each curve."""
        for name, value in report.items():
            if name not in ("step", "seconds"):
                self._writer.add_scalar(name, value, int(report["step"]))
