"""Results folders as nnU-Net v2 writes them, with small networks of random weights.

The networks are those of nnU-Net's own library, so that names and layouts of weights are real.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet, ResidualEncoderUNet
from torch import nn

CT = {"mean": 60.0, "std": 45.0, "percentile_00_5": -60.0, "percentile_99_5": 180.0}
SPLINES = "resample_data_or_seg_to_shape"


@dataclass(frozen=True)
class Training:
    """What nnU-Net would have trained."""

    channels: tuple[str, ...] = ("MRI",)
    labels: dict[str, Any] = field(default_factory=lambda: {"background": 0, "a": 1, "b": 2})
    regions_order: tuple[int, ...] = ()
    configuration: str = "3d_fullres"
    patch: tuple[int, ...] = (16, 16, 16)
    spacing: tuple[float, ...] = (1.0, 1.0, 1.0)
    """As in the plans: after transposition."""
    schemes: tuple[str, ...] = ("ZScoreNormalization",)
    masked: bool = False
    transpose: tuple[int, int, int] = (0, 1, 2)
    mirror_axes: tuple[int, ...] | None = (0, 1, 2)
    reader: str = "SimpleITKIO"
    median_shape: tuple[float, ...] = (40.0, 40.0, 40.0)
    residual: bool = False
    old_plans: bool = False
    trainer: str = "nnUNetTrainer"
    previous_stage: str | None = None
    """The first configuration of a cascade."""
    separate: bool | None = None
    """`force_separate_z`."""
    changed: dict[str, Any] = field(default_factory=dict)
    """Fields of the configuration that replace the usual ones."""

    @property
    def outputs(self) -> int:
        """Outputs of the network."""
        named = {name: value for name, value in self.labels.items() if name != "ignore"}
        return len(self.regions_order) or len(named)

    @property
    def inputs(self) -> int:
        """Input channels of the network."""
        return len(self.channels) + (self.outputs - 1 if self.previous_stage else 0)

    @property
    def folder(self) -> str:
        """Path of the results folder below nnUNet_results."""
        return f"Dataset007_Small_Things/{self.trainer}__nnUNetPlans__{self.configuration}"


def arguments_of(training: Training) -> dict[str, Any]:
    """`arch_kwargs` of the plans."""
    axes = len(training.patch)
    blocks = "n_blocks_per_stage" if training.residual else "n_conv_per_stage"
    return {
        "n_stages": 2,
        "features_per_stage": [4, 8],
        "conv_op": f"torch.nn.modules.conv.Conv{axes}d",
        "kernel_sizes": [[3] * axes] * 2,
        "strides": [[1] * axes, [2] * axes],
        blocks: [1, 2],
        "n_conv_per_stage_decoder": [1],
        "conv_bias": True,
        "norm_op": f"torch.nn.modules.instancenorm.InstanceNorm{axes}d",
        "norm_op_kwargs": {"eps": 1e-05, "affine": True},
        "dropout_op": None,
        "dropout_op_kwargs": None,
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    }


def random_network(training: Training, seed: int = 0) -> Any:
    """The network, in which each output is the best one somewhere."""
    torch.manual_seed(seed)
    arguments = {
        name: getattr(nn, str(value).split(".")[-1])
        if name in ("conv_op", "norm_op", "nonlin")
        else value
        for name, value in arguments_of(training).items()
    }
    kind = ResidualEncoderUNet if training.residual else PlainConvUNet
    channels, outputs = training.inputs, training.outputs
    network = kind(
        input_channels=channels, num_classes=outputs, deep_supervision=False, **arguments
    )
    for name, values in network.named_parameters():
        if "norm" in name:
            values.data += 0.2 * torch.randn_like(values)
    head = network.decoder.seg_layers[-1]
    head.weight.data *= 6
    with torch.inference_mode():
        image = torch.randn(4, channels, *training.patch)
        logits = network.eval()(image)
    head.bias.data -= logits.mean((0, *range(2, logits.ndim)))
    return network.eval()


def plans_of(training: Training) -> dict[str, Any]:
    """The content of plans.json."""
    kind = "ResidualEncoderUNet" if training.residual else "PlainConvUNet"
    arguments = arguments_of(training)
    resampling = {"is_seg": False, "order_z": 0, "force_separate_z": training.separate}
    configuration: dict[str, Any] = {
        "data_identifier": f"nnUNetPlans_{training.configuration}",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2,
        "patch_size": training.patch,
        "spacing": training.spacing,
        "normalization_schemes": training.schemes,
        "use_mask_for_norm": [training.masked] * len(training.channels),
        "resampling_fn_data": SPLINES,
        "resampling_fn_data_kwargs": {**resampling, "order": 3},
        "resampling_fn_probabilities": SPLINES,
        "resampling_fn_probabilities_kwargs": {**resampling, "order": 1},
    }
    if training.previous_stage:
        configuration["previous_stage"] = training.previous_stage
    if training.old_plans:
        configuration |= {
            "UNet_class_name": kind,
            "UNet_base_num_features": 4,
            "unet_max_num_features": 320,
            "n_conv_per_stage_encoder": [1, 2],
            "n_conv_per_stage_decoder": [1],
            "num_pool_per_axis": [1] * len(training.patch),
            "pool_op_kernel_sizes": arguments["strides"],
            "conv_kernel_sizes": arguments["kernel_sizes"],
        }
    else:
        configuration["architecture"] = {
            "network_class_name": f"dynamic_network_architectures.architectures.unet.{kind}",
            "arch_kwargs": arguments,
            "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
        }
    return {
        "dataset_name": "Dataset007_Small_Things",
        "plans_name": "nnUNetPlans",
        "image_reader_writer": training.reader,
        "transpose_forward": training.transpose,
        "transpose_backward": [int(axis) for axis in np.argsort(training.transpose)],
        "original_median_shape_after_transp": training.median_shape,
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {
            str(channel): CT for channel in range(len(training.channels))
        },
        "configurations": {training.configuration: configuration | training.changed},
    }


def dataset_of(training: Training) -> dict[str, Any]:
    """The content of dataset.json."""
    facts: dict[str, Any] = {
        "channel_names": {str(n): name for n, name in enumerate(training.channels)},
        "labels": training.labels,
        "numTraining": 1,
        "file_ending": ".png" if training.reader == "NaturalImage2DIO" else ".nii.gz",
    }
    return facts | (
        {"regions_class_order": training.regions_order} if training.regions_order else {}
    )


def checkpoint_of(training: Training, network: Any) -> dict[str, Any]:
    """The content of a checkpoint, with the kinds of objects that nnU-Net's trainer stores."""
    return {
        "network_weights": network.state_dict(),
        "optimizer_state": {"state": {}, "param_groups": [{"lr": 0.01}]},
        "grad_scaler_state": None,
        "logging": {"mean_fg_dice": [np.float32(0.5)], "ema_fg_dice": [np.float64(0.5)]},
        "_best_ema": np.float64(0.5),
        "current_epoch": 1,
        "init_args": {
            "configuration": training.configuration,
            "fold": 0,
            "device": torch.device("cpu"),
        },
        "trainer_name": training.trainer,
        "inference_allowed_mirroring_axes": training.mirror_axes,
    }


def write_results(
    training: Training, root: Path, networks: Sequence[Any], *, fold: str = "0"
) -> Path:
    """Writes the folder of a trained network below `root`; `fold`: the first of its folds."""
    folder = root / training.folder
    folder.mkdir(parents=True)
    (folder / "plans.json").write_text(json.dumps(plans_of(training)))
    (folder / "dataset.json").write_text(json.dumps(dataset_of(training)))
    for number, network in enumerate(networks):
        name = fold if fold == "all" else str(int(fold) + number)
        (folder / f"fold_{name}").mkdir()
        torch.save(
            checkpoint_of(training, network), folder / f"fold_{name}" / "checkpoint_final.pth"
        )
    return folder
