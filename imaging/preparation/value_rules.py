"""Rules by which `normalise` changes the values of a channel.

Each repeats what nnU-Net, MONAI or BioImage.IO computes, in float32 as they do; statistics are
computed in float64.
"""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, Union

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from imaging.frozen_model import FrozenModel
from imaging.preparation.voxels import Over, Voxels

_SMALLEST_STD = 1e-8
Percent = Annotated[float, Field(ge=0, le=100)]
Epsilon = Annotated[float, Field(ge=0, le=0.1)]
Range = tuple[float, float]
"""Lowest and highest value."""


class ValueRule(FrozenModel, ABC):
    """One rule: its parameters are its fields, and `kind` names it."""

    @abstractmethod
    def apply(self, voxels: Voxels) -> None:
        """Changes the values in place."""

    @property
    def read_range(self) -> Range:
        """The values that are not clipped, in the scan's units."""
        return -np.inf, np.inf

    @property
    def reads_inside(self) -> bool:
        """Whether it needs the mask of `crop_nonzero`."""
        return getattr(self, "over", "all") == "inside"


class Unchanged(ValueRule):
    """Leaves values as they are."""

    kind: Literal["none"]
    """Always `none`."""

    def apply(self, _voxels: Voxels) -> None:
        """Changes nothing."""


class Fixed(ValueRule):
    """Clips to [`lower`, `upper`], subtracts `mean` and divides by `std`, all of them stated.

    nnU-Net's CTNormalization (with the figures of its data set) and RGBTo01Normalization (`std`
    255); MONAI's NormalizeIntensity with subtrahend and divisor.
    """

    kind: Literal["fixed"]
    """Always `fixed`."""
    lower: float | None = None
    """Lowest value, in the scan's units. Empty: values are not clipped below."""
    upper: float | None = None
    """Highest value, in the scan's units. Empty: values are not clipped above."""
    mean: float = 0.0
    """Value that is subtracted, in the scan's units."""
    std: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    """Value to divide by, in the scan's units."""
    over: Over = "all"
    """The voxels that are changed: `all`, or those that are `nonzero` or `inside`."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.lower is not None and self.upper is not None and self.lower >= self.upper:
            raise ValueError("rule 'fixed' needs lower < upper")
        return self

    @property
    def read_range(self) -> Range:
        """`lower` and `upper`."""
        low, high = self.lower, self.upper
        return -np.inf if low is None else low, np.inf if high is None else high

    def apply(self, voxels: Voxels) -> None:
        """Changes the values in place."""
        mean, std = np.float32(self.mean), np.float32(max(self.std, _SMALLEST_STD))

        def change(values: NDArray[np.float32]) -> NDArray[np.float32]:
            if self.lower is not None or self.upper is not None:
                values = np.clip(values, self.lower, self.upper)
            return (values - mean) / std

        voxels.over(self.over).change(change)


class ZScore(ValueRule):
    """Subtracts the mean of the voxels and divides by their standard deviation.

    nnU-Net's ZScoreNormalization (`over` `inside` with use_mask_for_norm) and MONAI's
    NormalizeIntensity (`over` `nonzero` with nonzero); with `epsilon`, zero_mean_unit_variance of
    BioImage.IO. Other voxels keep their values. Voxels that all have one value become 0.
    """

    kind: Literal["zscore"]
    """Always `zscore`."""
    over: Over = "all"
    """The voxels that are measured and changed: `all`; those that `crop_nonzero`, with its
    `keep_mask`, found `inside`; or those of the channel that are `nonzero`."""
    epsilon: Epsilon = 0.0
    """Added to the standard deviation. BioImage.IO: 1e-6."""

    def apply(self, voxels: Voxels) -> None:
        """Changes the values in place."""
        chosen = voxels.over(self.over)
        mean, std = chosen.mean_and_std()
        std += self.epsilon
        shift, scale = np.float32(mean), np.float32(max(std, _SMALLEST_STD) if std else 1.0)
        chosen.change(lambda values: (values - shift) / scale)


class _Scaled(ValueRule):
    """Rules that map a range of values to another."""

    output: Range | None = (0.0, 1.0)
    """What the two ends of the range become. `null`: 0 and 1."""
    clip: bool = False
    """Clip the result to `output`, which must be stated."""

    @model_validator(mode="after")
    def _something_to_clip_to(self) -> Self:
        if self.clip and self.output is None:
            raise ValueError("a rule with clip needs an output to clip to")
        return self

    def _scale(
        self, voxels: Voxels, ends: Range, output: Range | None, epsilon: float = 0.0
    ) -> None:
        low, span = np.float32(ends[0]), np.float32(ends[1] - ends[0] + epsilon)

        def change(values: NDArray[np.float32]) -> NDArray[np.float32]:
            values = values - low
            if span == 0:
                return values + np.float32(output[0]) if output else values
            values /= span
            if output is None:
                return values
            values *= np.float32(output[1] - output[0])
            values += np.float32(output[0])
            return np.clip(values, output[0], output[1]) if self.clip else values

        voxels.change(change)


class Linear(_Scaled):
    """Maps the stated range `input` to `output`: MONAI's ScaleIntensityRange."""

    kind: Literal["range"]
    """Always `range`."""
    input: Range
    """The range of values that is mapped, in the scan's units."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.input[0] < self.input[1]:
            raise ValueError("rule 'range' needs an input of two numbers, the lower first")
        return self

    @property
    def read_range(self) -> Range:
        """`input`, with `clip`."""
        return self.input if self.clip else super().read_range

    def apply(self, voxels: Voxels) -> None:
        """Changes the values in place."""
        self._scale(voxels, self.input, self.output)


class Percentiles(_Scaled):
    """Maps two percentiles of the voxels to `output`.

    MONAI's ScaleIntensityRangePercentiles; with `epsilon`, scale_range of BioImage.IO.
    """

    kind: Literal["percentiles"]
    """Always `percentiles`."""
    lower: Percent
    """The lower percentile, in percent."""
    upper: Percent
    """The upper percentile, in percent."""
    relative: bool = False
    """Map to the same percentiles of `output` instead of its two ends."""
    epsilon: Epsilon = 0.0
    """Added to the difference of the two percentiles. BioImage.IO: 1e-6."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.lower >= self.upper:
            raise ValueError("rule 'percentiles' needs lower < upper")
        if self.relative and self.output is None:
            raise ValueError("rule 'percentiles' with relative needs an output")
        return self

    def apply(self, voxels: Voxels) -> None:
        """Changes the values in place."""
        low, high = voxels.percentiles((self.lower, self.upper))
        output = self.output
        if self.relative and output is not None:
            start, width = output[0], output[1] - output[0]
            output = start + width * (self.lower / 100), start + width * (self.upper / 100)
        self._scale(voxels, (low, high), output, self.epsilon)


class Extremes(_Scaled):
    """Maps the lowest and the highest value to `output`.

    MONAI's ScaleIntensity, and nnU-Net's RescaleTo01Normalization with the default `output`.
    """

    kind: Literal["extremes"]
    """Always `extremes`."""

    def apply(self, voxels: Voxels) -> None:
        """Changes the values in place."""
        self._scale(voxels, voxels.extremes(), self.output)


VALUE_RULES: tuple[type[ValueRule], ...] = (
    Unchanged,
    Fixed,
    ZScore,
    Linear,
    Percentiles,
    Extremes,
)

if TYPE_CHECKING:
    AnyValueRule = ValueRule
else:
    AnyValueRule: Any = Annotated[Union[VALUE_RULES], Field(discriminator="kind")]  # noqa: UP007
