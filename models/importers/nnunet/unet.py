"""nnU-Net's two U-Nets as modules of torch, with the names that its checkpoints use.

They are PlainConvUNet and ResidualEncoderUNet of the library dynamic_network_architectures (0.4),
which an import does not need: it brings timm and torchvision, for networks of other kinds. Only
what runs at inference is built. Dropout and deep supervision do not.

    encoder: stages of blocks, the first block of a stage with its stride
    decoder: transposed convolution, concatenated with the encoder's output of that size, blocks
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

Sizes = tuple[int, ...]
_AVERAGE: dict[int, Callable[..., nn.Module]] = {2: nn.AvgPool2d, 3: nn.AvgPool3d}
_CONVOLUTION: dict[int, Callable[..., nn.Module]] = {2: nn.Conv2d, 3: nn.Conv3d}
_TRANSPOSED: dict[int, Callable[..., nn.Module]] = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}


@dataclass(frozen=True, slots=True)
class BlockLayers:
    """The layers of which all blocks of a network are made."""

    axes: int
    bias: bool
    norm: Callable[..., nn.Module] | None
    activation: Callable[..., nn.Module] | None
    norm_arguments: dict[str, Any] = field(default_factory=dict)
    activation_arguments: dict[str, Any] = field(default_factory=dict)
    activation_first: bool = False
    """Whether the activation comes before the norm."""


@dataclass(frozen=True, slots=True)
class UNetPlan:
    """A U-Net; one entry per stage, the first at full resolution."""

    layers: BlockLayers
    inputs: int
    outputs: int
    features: tuple[int, ...]
    kernels: tuple[Sizes, ...]
    strides: tuple[Sizes, ...]
    encoder_blocks: tuple[int, ...]
    decoder_blocks: tuple[int, ...]
    """One fewer; the first at the lowest resolution."""
    residual: bool
    """Whether encoder blocks are residual, after a stem."""
    stem_features: int | None = None
    """None: those of the first stage."""


class UNet(nn.Module):
    """The network: (n, inputs, *spatial) -> logits (n, outputs, *spatial)."""

    def __init__(self, plan: UNetPlan) -> None:
        super().__init__()
        self.encoder = _Encoder(plan)
        self.decoder = _Decoder(plan)

    def forward(self, image: Tensor) -> Tensor:
        """The logits."""
        logits: Tensor = self.decoder(self.encoder(image))
        return logits


class _Block(nn.Module):
    """Convolution, norm, activation."""

    def __init__(
        self, layers: BlockLayers, ends: tuple[int, int], kernel: Sizes, stride: Sizes,
        *, bias: bool | None = None, active: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.conv = _CONVOLUTION[layers.axes](
            *ends, kernel, stride, padding=[(n - 1) // 2 for n in kernel],
            bias=layers.bias if bias is None else bias,
        )  # fmt: skip
        parts: list[nn.Module] = []
        if layers.norm is not None:
            self.norm = layers.norm(ends[1], **layers.norm_arguments)
            parts.append(self.norm)
        if layers.activation is not None and active:
            self.nonlin = layers.activation(**layers.activation_arguments)
            parts.append(self.nonlin)
        self._after = tuple(reversed(parts) if layers.activation_first else parts)

    def forward(self, values: Tensor) -> Tensor:
        values = self.conv(values)
        for part in self._after:
            values = part(values)
        return values


class _ResidualBlock(nn.Module):
    """Two blocks, and the input added before the last activation.

    Where sizes differ, the input is averaged (by the stride) and projected (to the channels).
    """

    def __init__(
        self, layers: BlockLayers, ends: tuple[int, int], kernel: Sizes, stride: Sizes
    ) -> None:
        super().__init__()
        point = (1,) * layers.axes
        self.conv1 = _Block(layers, ends, kernel, stride)
        self.conv2 = _Block(layers, (ends[1], ends[1]), kernel, point, active=False)
        skip: list[nn.Module] = []
        if stride != point:
            skip.append(_AVERAGE[layers.axes](stride, stride))
        if ends[0] != ends[1]:
            skip.append(_Block(layers, ends, point, point, bias=False, active=False))
        self.skip = nn.Sequential(*skip)
        make = layers.activation
        self.nonlin2 = nn.Identity() if make is None else make(**layers.activation_arguments)

    def forward(self, values: Tensor) -> Tensor:
        result: Tensor = self.nonlin2(self.conv2(self.conv1(values)) + self.skip(values))
        return result


class _Blocks(nn.Module):
    """Blocks one after another; the first may have a stride."""

    def __init__(
        self, layers: BlockLayers, ends: tuple[int, int], kernel: Sizes, stride: Sizes, count: int,
        *, residual: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        kind = _ResidualBlock if residual else _Block
        chain = nn.Sequential(
            kind(layers, ends, kernel, stride),
            *(
                kind(layers, (ends[1], ends[1]), kernel, (1,) * layers.axes)
                for _ in range(count - 1)
            ),
        )
        self.add_module("blocks" if residual else "convs", chain)
        self._chain = (chain,)  # a second name would be a second set of weights

    def forward(self, values: Tensor) -> Tensor:
        result: Tensor = self._chain[0](values)
        return result


class _Encoder(nn.Module):
    """Returns the output of every stage, the first at full resolution."""

    def __init__(self, plan: UNetPlan) -> None:
        super().__init__()
        layers, inputs = plan.layers, plan.inputs
        if plan.residual:
            stem = plan.stem_features or plan.features[0]
            self.stem = _Blocks(
                layers, (inputs, stem), plan.kernels[0], (1,) * layers.axes, 1
            )  # fmt: skip
            inputs = stem
        stages: list[nn.Module] = []
        for features, kernel, stride, count in zip(
            plan.features, plan.kernels, plan.strides, plan.encoder_blocks, strict=True
        ):
            ends = (inputs, features)
            stage = _Blocks(layers, ends, kernel, stride, count, residual=plan.residual)
            stages.append(stage if plan.residual else nn.Sequential(stage))
            inputs = features
        self.stages = nn.Sequential(*stages)
        self._has_stem = plan.residual

    def forward(self, image: Tensor) -> list[Tensor]:
        values = self.stem(image) if self._has_stem else image
        levels = []
        for stage in self.stages:
            values = stage(values)
            levels.append(values)
        return levels


class _Decoder(nn.Module):
    """From the lowest resolution back to the first."""

    def __init__(self, plan: UNetPlan) -> None:
        super().__init__()
        layers = plan.layers
        point = (1,) * layers.axes
        up, stages, heads = [], [], []
        for level, count in zip(
            reversed(range(len(plan.features) - 1)), plan.decoder_blocks, strict=True
        ):
            below, here = plan.features[level + 1], plan.features[level]
            stride = plan.strides[level + 1]
            up.append(_TRANSPOSED[layers.axes](below, here, stride, stride, bias=layers.bias))
            stages.append(_Blocks(layers, (2 * here, here), plan.kernels[level], point, count))
            heads.append(_CONVOLUTION[layers.axes](here, plan.outputs, 1))
        self.transpconvs, self.stages = nn.ModuleList(up), nn.ModuleList(stages)
        self.seg_layers = nn.ModuleList(heads)
        """For deep supervision one for each stage; the last one gives the logits."""

    def forward(self, levels: list[Tensor]) -> Tensor:
        *skips, values = levels
        for up, stage, skip in zip(self.transpconvs, self.stages, reversed(skips), strict=True):
            values = stage(torch.cat((up(values), skip), 1))
        logits: Tensor = self.seg_layers[-1](values)
        return logits
