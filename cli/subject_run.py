"""Segments one subject: prepares its scans, runs the model, delivers the mask."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from cli.bids.derivative import BidsDerivative
from cli.input_scans import InputScan
from cli.mask_targets import MaskTarget
from cli.segmenters import Segmenter
from imaging.formats.incoming import ScanSelection
from imaging.formats.mask_file import deliver
from imaging.given_mask import GIVEN_MASK
from inference.run_context import RunContext
from inference.segmentation_output import SegmentationOutput


@dataclass(frozen=True, slots=True)
class Delivered:
    """A mask in its place."""

    path: Path
    scan: Path
    """The scan that has the mask's grid, as it was opened; it may be a temporary file."""
    outcome: SegmentationOutput
    """The files of the segmentation, which are temporary."""


@dataclass(frozen=True, slots=True)
class SubjectRun:
    """What all subjects of one command have in common. Several threads may share it."""

    segmenter: Segmenter
    selection: ScanSelection
    derivative: BidsDerivative | None

    def segment(
        self,
        subject: Mapping[str, InputScan],
        grid: InputScan,
        target: MaskTarget,
        folder: Path,
        shown: AbstractContextManager[RunContext],
        key: str = "",
    ) -> Delivered:
        """Segments a subject and writes its mask, complete or not at all.

        `subject`: channel -> scan; `grid`: the one that the mask has the grid of. `folder`: for
        temporary files. `shown`: gives the context of the run, and shows its progress. `key`: as
        for `Segmenter.segment`.
        """
        opened = {
            name: one.prepare(folder / f"{name}-in", self._selection_of(name))
            for name, one in subject.items()
        }
        scan = next(opened[name] for name, one in subject.items() if one is grid)
        with shown as context:
            outcome = self.segmenter.segment(opened, folder / "out", context, key)
        path = target.path(outcome.mask_format)
        written = target.format_of(outcome.mask_format)
        needs_description = written is not None and written.needs_description
        description = self.segmenter.mask_description() if needs_description else None
        if self.derivative is not None:
            self.derivative.write_side_files(path, subject, outcome.report)
        deliver(outcome.mask, scan, path, description, written)
        return Delivered(path, scan, outcome)

    def _selection_of(self, name: str) -> ScanSelection:
        """The choice of a series or volume is for scans, not for the given mask."""
        return ScanSelection() if name == GIVEN_MASK else self.selection
