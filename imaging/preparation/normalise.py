"""The step `normalise`."""

from itertools import chain
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from imaging.preparation.crop_nonzero import CropNonzero
from imaging.preparation.prepared import Prepared
from imaging.preparation.step import PreparationStep
from imaging.preparation.value_rules import AnyValueRule, ValueRule
from imaging.preparation.voxels import Voxels


class Normalise(PreparationStep):
    """Changes the values of each channel by a rule.

    Voxels that are padding are not measured. Channels that are label maps are not changed.
    """

    changes_grid: ClassVar[bool] = False
    step: Literal["normalise"]
    """Always `normalise`."""
    rules: Annotated[tuple[AnyValueRule, ...], Field(min_length=1)]
    """One rule for each channel that is a scan, in their order, or one for all of them."""
    together: bool = False
    """Measure all components of all channels together: MONAI's transforms without `channel_wise`,
    for several channels in one array. Needs exactly one rule."""

    def check(self, scans: int, _axes: int, earlier: tuple[PreparationStep, ...]) -> None:
        """Raises ValueError unless there is a rule for each channel, and a mask if one is read."""
        if len(self.rules) not in (1, scans):
            raise ValueError(f"normalise needs one rule, or {scans}, one for each scan")
        if self.together and len(self.rules) > 1:
            raise ValueError("normalise with together needs exactly one rule")
        if any(rule.reads_inside for rule in self.rules) and not _mask_kept(earlier):
            raise ValueError(
                "a rule over `inside` needs an earlier crop_nonzero with keep_mask, "
                "and no step between the two that changes the grid"
            )

    def rule_of(self, scan: int) -> ValueRule:
        """The rule of a channel, by its place among those that are no label maps."""
        return self.rules[scan] if len(self.rules) > 1 else self.rules[0]

    def apply(self, prepared: Prepared, _scratch: Path | None = None) -> Prepared:
        """The same arrays, changed in place."""
        scans = [components for _, components in prepared.scans()]
        if self.together:
            self.rules[0].apply(_voxels(prepared, [*chain.from_iterable(scans)]))
            return prepared
        for scan, components in enumerate(scans):
            for component in components:
                self.rule_of(scan).apply(_voxels(prepared, [component]))
        return prepared


def _voxels(prepared: Prepared, components: list[int]) -> Voxels:
    padding = prepared.padding
    return Voxels(
        [prepared.values[n] for n in components],
        None if padding is None else [padding[n] for n in components],
        prepared.inside,
    )


def _mask_kept(earlier: tuple[PreparationStep, ...]) -> bool:
    """Whether the last step that changes the grid is a crop that keeps its mask."""
    last = next((step for step in reversed(earlier) if step.changes_grid), None)
    return isinstance(last, CropNonzero) and last.keep_mask
