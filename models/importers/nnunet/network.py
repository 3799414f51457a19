"""Builds the network that plans describe, and loads its weights."""

from collections.abc import Mapping
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from torch import Tensor, nn

from models.importers.nnunet.plans import UNETS, Architecture
from models.importers.nnunet.refusals import damaged, unsupported
from models.importers.nnunet.unet import BlockLayers, Sizes, UNet, UNetPlan

_LAYERS = (
    *(nn.InstanceNorm2d, nn.InstanceNorm3d, nn.BatchNorm2d, nn.BatchNorm3d),
    *(nn.LeakyReLU, nn.ReLU, nn.PReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Mish),
)
"""Layers that plans may name. A name is looked up here and never imported."""
_KNOWN = {layer.__name__: layer for layer in _LAYERS}
_PER_STAGE = int | tuple[int, ...]
_SIZES_PER_STAGE = int | tuple[int | Sizes, ...]


class _Arguments(BaseModel):
    """The arguments of nnU-Net's networks. An argument that is not listed is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_stages: int
    features_per_stage: _PER_STAGE
    conv_op: str
    kernel_sizes: _SIZES_PER_STAGE
    strides: _SIZES_PER_STAGE
    n_conv_per_stage: _PER_STAGE | None = None
    n_blocks_per_stage: _PER_STAGE | None = None
    n_conv_per_stage_decoder: _PER_STAGE
    conv_bias: bool = False
    norm_op: str | None = None
    norm_op_kwargs: dict[str, Any] | None = None
    dropout_op: str | None = None
    """Dropout does nothing at inference."""
    dropout_op_kwargs: dict[str, Any] | None = None
    nonlin: str | None = None
    nonlin_kwargs: dict[str, Any] | None = None
    nonlin_first: bool = False
    deep_supervision: bool = False
    stem_channels: int | None = None
    bottleneck_channels: None = None


def build_network(
    architecture: Architecture, axes: int, channels: int, outputs: int, *, batch_norm: bool
) -> nn.Module:
    """The network without deep supervision, with random weights; raises BadModel.

    `batch_norm`: the trainer replaced the plans' norm by batch norm.
    """
    name = architecture.network_class_name.split(".")[-1]
    if name not in UNETS:
        raise unsupported(f"the network {name}", f"One of: {', '.join(UNETS)}.")
    stated = dict(architecture.arch_kwargs)
    if batch_norm:
        stated |= {"norm_op": f"torch.nn.BatchNorm{axes}d", "norm_op_kwargs": {"eps": 1e-5}}
    try:
        arguments = _Arguments.model_validate(stated)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"]))
        raise unsupported(f"{place} = {fault['input']!r}", "A network as nnU-Net plans.") from error
    if arguments.conv_op.split(".")[-1] != f"Conv{axes}d":
        raise damaged(f"The patch has {axes} axes, and the network {arguments.conv_op}.")
    try:
        return UNet(_plan(arguments, name, axes, (channels, outputs))).eval()
    except (TypeError, ValueError, RuntimeError, IndexError) as error:
        raise damaged(f"The plans do not describe a network: {error}.") from error


def load_weights(network: nn.Module, weights: Mapping[str, Tensor], name: str) -> None:
    """Loads the weights of the checkpoint `name`; raises BadModel unless all of them fit.

    nnU-Net stores most weights two to four times: under `all_modules` and `decoder.encoder`, too.
    """
    once = {
        key: value
        for key, value in weights.items()
        if ".all_modules." not in key and not key.startswith("decoder.encoder.")
    }
    try:
        network.load_state_dict(once)
    except RuntimeError as error:
        first = str(error).splitlines()[1:2] or [str(error)]
        raise damaged(
            f"The weights of {name} do not fit the network of plans.json: {first[0].strip()[:200]}"
        ) from error
    if not all(torch.isfinite(value).all() for value in network.state_dict().values()):
        raise damaged(f"The weights of {name} contain NaN or infinite values.")


def _plan(arguments: _Arguments, name: str, axes: int, ends: tuple[int, int]) -> UNetPlan:
    stages = arguments.n_stages
    residual = name == "ResidualEncoderUNet"
    blocks = arguments.n_blocks_per_stage if residual else arguments.n_conv_per_stage
    return UNetPlan(
        BlockLayers(
            axes,
            arguments.conv_bias,
            _layer(arguments.norm_op),
            _layer(arguments.nonlin),
            arguments.norm_op_kwargs or {},
            arguments.nonlin_kwargs or {},
            arguments.nonlin_first,
        ),
        *ends,
        _each(arguments.features_per_stage, stages),
        _sizes(arguments.kernel_sizes, stages, axes),
        _sizes(arguments.strides, stages, axes),
        _each(1 if blocks is None else blocks, stages),
        _each(arguments.n_conv_per_stage_decoder, stages - 1),
        residual,
        arguments.stem_channels,
    )


def _each(value: _PER_STAGE, stages: int) -> tuple[int, ...]:
    values = (value,) * stages if isinstance(value, int) else value
    if len(values) != stages:
        raise ValueError(f"{len(values)} numbers for {stages} stages")
    return values


def _sizes(value: _SIZES_PER_STAGE, stages: int, axes: int) -> tuple[Sizes, ...]:
    values = (value,) * stages if isinstance(value, int) else value
    sizes = tuple((one,) * axes if isinstance(one, int) else one for one in values)
    if len(sizes) != stages or any(len(one) != axes for one in sizes):
        raise ValueError(f"sizes {value} for {stages} stages of {axes} axes")
    return sizes


def _layer(stated: str | None) -> type[nn.Module] | None:
    """The class of a layer that plans name."""
    if stated is None:
        return None
    layer = _KNOWN.get(stated.split(".")[-1])
    if layer is None or not stated.startswith("torch.nn."):
        raise unsupported(f"the layer {stated}", f"One of: {', '.join(_KNOWN)}.")
    return layer
