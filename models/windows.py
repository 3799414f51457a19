"""How a network that is not exact runs: in overlapping windows whose outputs are blended."""

from typing import Annotated, Literal

from pydantic import Field

from imaging.frozen_model import FrozenModel

Size = Annotated[int, Field(ge=1, le=2048)]
Fraction = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]


class Windows(FrozenModel):
    """The windows with which the network was evaluated where it was trained.

    Another patch, step or weight gives another mask, so all of them are stated.
    """

    patch: tuple[Size, ...]
    """Size of a window in voxels, per axis of the network. A legal size of the network."""
    step: Fraction = 0.5
    """Distance between windows as a fraction of the patch: 0.5 is an overlap of half a window."""
    step_rule: Literal["spread", "fixed"]
    """`spread`: windows are spread evenly from edge to edge, at most `step` apart (nnU-Net).
    `fixed`: windows are `step` apart, rounded down, and the last one ends at the edge (MONAI)."""
    weights: Literal["constant", "gaussian", "gaussian_fp16"] = "constant"
    """Weight of a window's voxels where windows overlap. `constant`: 1. `gaussian`: its centre is
    the middle of the window, and no weight is below 0.001 of about 1 (MONAI). `gaussian_fp16`: its
    centre is the voxel patch // 2, the weights are 10 at most, rounded to 16 bits, and weights that
    become 0 get the smallest other weight (nnU-Net)."""
    sums: Literal["float32", "float16"] = "float32"
    """Precision of the sums of windows. `float16`: sums, means and results on the scan's grid are
    rounded to 16 bits, window by window in nnU-Net's order, and each of several networks has its
    own sums. That is less exact, and gives nnU-Net's mask where two outputs are nearly equal."""
    sigma: Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)] = 0.125
    """Standard deviation of a Gaussian as a fraction of the patch."""
    mirror_axes: tuple[Annotated[int, Field(ge=0, le=2)], ...] = ()
    """Axes of the network along which a window is also mirrored: the network runs on every
    combination, and the mean of its outputs is used. Empty: windows are not mirrored."""
    pad_mode: Literal["constant", "reflect", "replicate"] = "constant"
    """What fills a scan that is smaller than a window, half of it on each side (of an odd number,
    one more at the end): `pad_value`, voxels mirrored at the edge, or the voxels of the edge."""
    pad_value: Annotated[float, Field(allow_inf_nan=False)] = 0.0
    """Value of `constant` padding, after normalisation."""
    slicewise: bool = False
    """Whether a network of two axes segments a volume slice by slice, along the first of the
    volume's axes. The patch then begins with 1."""

    def check_dimension(self, axes: int) -> None:
        """Raises ValueError unless the windows fit a card of `axes` spatial axes."""
        if len(self.patch) != axes:
            raise ValueError(f"windows.patch needs {axes} numbers, one for each axis")
        mirrored = set(self.mirror_axes)
        if len(mirrored) < len(self.mirror_axes) or max(mirrored, default=0) >= axes:
            raise ValueError(f"windows.mirror_axes lists axes from 0 to {axes - 1}, each once")
        if self.slicewise and (axes != 3 or self.patch[0] != 1 or 0 in mirrored):
            raise ValueError(
                "windows.slicewise needs a card of dimension 3, a patch that begins with 1, and "
                "mirror_axes without 0"
            )

    @property
    def network_patch(self) -> tuple[int, ...]:
        """The patch along the axes that the network itself has."""
        return self.patch[1:] if self.slicewise else self.patch

    @property
    def network_mirror_axes(self) -> tuple[int, ...]:
        """The mirrored axes, counted among the axes that the network itself has."""
        return tuple(sorted(axis - int(self.slicewise) for axis in self.mirror_axes))
