"""Writes a results folder of nnU-Net with a network of random weights, and a scan.

    PYTHON benchmarks/nnunet/untrained.py OUT --grid X Y Z --patch Z Y X [--features 32 64 ...]

PYTHON is that of an environment with nnU-Net (`benchmarks/nnunet/environment`). OUT gets
`results/Dataset001_Untrained/...` and `scans/case_0000.nii.gz`, a made CT at the spacing of the
plans. Time and memory of a prediction do not depend on the weights.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK
import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet
from torch import nn

NAME = "Dataset001_Untrained"
CT = {"mean": 60.0, "std": 45.0, "percentile_00_5": -60.0, "percentile_99_5": 180.0}
RESAMPLING = "resample_data_or_seg_to_shape"
GRAIN = 6
"""Voxels of the blocks of one value in the scan, along each axis."""


def main() -> None:
    """Writes both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--grid", type=int, nargs=3, required=True, help="voxels of the scan")
    parser.add_argument("--patch", type=int, nargs=3, required=True)
    parser.add_argument("--features", type=int, nargs="+", required=True, help="one per stage")
    parser.add_argument("--convolutions", type=int, default=2, help="per stage")
    parser.add_argument("--classes", type=int, required=True, help="with background")
    options = parser.parse_args()
    write_results(options.out / "results", options)
    write_scan(options.out / "scans" / "case_0000.nii.gz", options.grid)


def write_results(root: Path, options: argparse.Namespace) -> None:
    """Plans, dataset.json and the checkpoint of one fold."""
    arguments = arguments_of(options)
    folder = root / NAME / "nnUNetTrainer__nnUNetPlans__3d_fullres"
    (folder / "fold_0").mkdir(parents=True, exist_ok=True)
    (folder / "plans.json").write_text(json.dumps(plans(arguments, options.patch)))
    labels = {"background": 0} | {f"organ {n}": n for n in range(1, options.classes)}
    dataset = {"channel_names": {"0": "CT"}, "labels": labels, "numTraining": 1}
    (folder / "dataset.json").write_text(json.dumps({**dataset, "file_ending": ".nii.gz"}))
    torch.save(
        {
            "network_weights": network(arguments, options.classes).state_dict(),
            "init_args": {"configuration": "3d_fullres", "fold": 0},
            "trainer_name": "nnUNetTrainer",
            "inference_allowed_mirroring_axes": (0, 1, 2),
        },
        folder / "fold_0" / "checkpoint_final.pth",
    )


def arguments_of(options: argparse.Namespace) -> dict[str, Any]:
    """`arch_kwargs` of the plans: nnU-Net's usual network with these features."""
    stages = len(options.features)
    return {
        "n_stages": stages,
        "features_per_stage": options.features,
        "conv_op": "torch.nn.modules.conv.Conv3d",
        "kernel_sizes": [[3] * 3] * stages,
        "strides": [[1] * 3] + [[2] * 3] * (stages - 1),
        "n_conv_per_stage": [options.convolutions] * stages,
        "n_conv_per_stage_decoder": [options.convolutions] * (stages - 1),
        "conv_bias": True,
        "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
        "norm_op_kwargs": {"eps": 1e-05, "affine": True},
        "dropout_op": None,
        "dropout_op_kwargs": None,
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    }


def network(arguments: dict[str, Any], classes: int) -> PlainConvUNet:
    """Random weights, from a seed."""
    torch.manual_seed(0)
    classes_of = ("conv_op", "norm_op", "nonlin")
    built = {k: getattr(nn, v.split(".")[-1]) if k in classes_of else v
             for k, v in arguments.items()}  # fmt: skip
    return PlainConvUNet(input_channels=1, num_classes=classes, deep_supervision=False, **built)


def plans(arguments: dict[str, Any], patch: list[int]) -> dict[str, Any]:
    """The content of plans.json."""
    resampling = {"order_z": 0, "force_separate_z": None}
    return {
        "dataset_name": NAME,
        "plans_name": "nnUNetPlans",
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "original_median_shape_after_transp": [2 * n for n in patch],
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {"0": CT},
        "configurations": {
            "3d_fullres": {
                "data_identifier": "nnUNetPlans_3d_fullres",
                "preprocessor_name": "DefaultPreprocessor",
                "batch_size": 2,
                "patch_size": patch,
                "spacing": [1.0] * 3,
                "normalization_schemes": ["CTNormalization"],
                "use_mask_for_norm": [False],
                "resampling_fn_seg": RESAMPLING,
                "resampling_fn_seg_kwargs": {"is_seg": True, **resampling, "order": 1},
                "resampling_fn_data": RESAMPLING,
                "resampling_fn_data_kwargs": {"is_seg": False, **resampling, "order": 3},
                "resampling_fn_probabilities": RESAMPLING,
                "resampling_fn_probabilities_kwargs": {
                    "is_seg": False, **resampling, "order": 1,
                },
                "architecture": {
                    "network_class_name":
                        "dynamic_network_architectures.architectures.unet.PlainConvUNet",
                    "arch_kwargs": arguments,
                    "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
                },
            }
        },
    }  # fmt: skip


def write_scan(path: Path, grid: list[int]) -> None:
    """Blocks of random values with noise, in HU."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    values = rng.integers(-100, 200, [n // GRAIN + 1 for n in grid], np.int16)
    for axis in range(3):
        values = values.repeat(GRAIN, axis)
    values = values[: grid[0], : grid[1], : grid[2]] + rng.integers(-9, 9, grid, np.int16)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(values.transpose()), str(path))


if __name__ == "__main__":
    main()
