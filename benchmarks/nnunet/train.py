"""Makes data sets, lets nnU-Net train tiny networks on them and predict ten cases of each.

    PYTHON benchmarks/nnunet/train.py OUT [--only NAME ...] [--epochs 25] [--data FOLDER]

PYTHON is that of an environment with nnU-Net (`benchmarks/nnunet/environment`). OUT gets nnU-Net's
own folders (raw, preprocessed, results) and `predicted`. A case that is there already is kept.
Without `--data`, all data sets are made by code.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import phantoms  # noqa: E402
from cases import CASES, Case, folder  # noqa: E402

TRAINING, TESTS = 8, 10
FEATURES = 6
AUGMENTERS, PREPROCESSED = "nnUNet_n_proc_DA", "nnUNet_preprocessed"
"""Environment variables of nnU-Net."""
TRAINER = "nnUNetTrainer_5epochs"


def main() -> None:
    """Trains what is missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", nargs="+", default=list(CASES))
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--iterations", type=int, default=40)
    parser.add_argument("--data", type=Path, help="folder with real data sets")
    options = parser.parse_args()
    out = options.out.resolve()
    for kind in ("raw", "preprocessed", "results"):
        os.environ[f"nnUNet_{kind}"] = str(out / kind)
        (out / kind).mkdir(parents=True, exist_ok=True)
    os.environ |= {"nnUNet_def_n_proc": "1", "OMP_NUM_THREADS": "1"}
    for name in options.only:
        if not (out / "predicted" / name).exists():
            print(name, "...", flush=True)
            case = CASES[name]
            os.environ[AUGMENTERS] = "1"
            write_data(case, folder(out, name, "raw"), list(CASES).index(name) + 1, options.data)
            train(case, folder(out, name, "raw").name, options.epochs, options.iterations)
            predict(case, out, name)


def write_data(case: Case, raw: Path, seed: int, data: Path | None) -> None:
    """The raw data set: eight cases to train on, ten to predict, and dataset.json."""
    if data is not None and case.real and (data / case.real).is_dir():
        copy_real(data / case.real, raw, case.ending)
    else:
        for kind, count in (("Tr", TRAINING), ("Ts", TESTS)):
            phantoms.folder_of(case.make, raw, seed, count, case.ending, kind)
    facts: dict[str, Any] = {
        "channel_names": dict(enumerate(case.channels)),
        "labels": case.labels,
        "numTraining": len(list((raw / "labelsTr").iterdir())),
        "file_ending": case.ending,
    }
    if case.regions_order:
        facts["regions_class_order"] = case.regions_order
    (raw / "dataset.json").write_text(json.dumps(facts, indent=2))


def copy_real(source: Path, raw: Path, ending: str) -> None:
    """The first cases of a real data set as training cases, the next ones as test cases."""
    for part in ("imagesTr", "labelsTr", "imagesTs"):
        (raw / part).mkdir(parents=True, exist_ok=True)
    files = sorted((source / "images").glob(f"*{ending}"))
    for index, path in enumerate(files[: 3 * TRAINING + TESTS]):
        name = path.name.removesuffix(ending)
        training = index < 3 * TRAINING
        shutil.copy(path, raw / f"images{'Tr' if training else 'Ts'}" / f"{name}_0000{ending}")
        if training:
            shutil.copy(source / "labels" / path.name, raw / "labelsTr" / f"{name}{ending}")


def train(case: Case, dataset: str, epochs: int, iterations: int) -> None:
    """Fingerprint, plans made small, preprocessing and training, all by nnU-Net's functions."""
    import torch
    from nnunetv2.experiment_planning.plan_and_preprocess_api import (
        extract_fingerprints,
        plan_experiments,
        preprocess_dataset,
    )
    from nnunetv2.run.run_training import get_trainer_from_args

    torch.set_num_threads(1)
    number = int(dataset[7:10])
    extract_fingerprints([number], num_processes=1, verbose=False, show_progress_bar=False)
    plans = plan_experiments([number], case.planner)
    shrink(case, Path(os.environ[PREPROCESSED]) / dataset / f"{plans}.json")
    stored = [name for name in case.configurations if "cascade" not in name]
    if len(stored) < len(case.configurations):
        stored.append("3d_fullres")
    preprocess_dataset(number, plans, stored, [1] * len(stored))
    os.environ[AUGMENTERS] = "0"  # augments in this process; planning does not accept 0
    for configuration in case.configurations:
        for fold in case.folds:
            trainer = get_trainer_from_args(
                dataset, configuration, fold, TRAINER, plans, device=torch.device("cpu")
            )  # fmt: skip
            trainer.num_epochs, trainer.num_iterations_per_epoch = epochs, iterations
            trainer.num_val_iterations_per_epoch = 2
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                trainer.run_training()
            if configuration != case.configurations[-1]:  # the next stage trains on what it finds
                trainer.perform_actual_validation()


def shrink(case: Case, path: Path) -> None:
    """Edits plans.json: a small patch, few features, few stages; adds the cascade's parts."""
    plans = json.loads(path.read_text())
    configurations = plans["configurations"]
    base = configurations["2d" if case.configurations == ("2d",) else "3d_fullres"]
    stages = len(case.topology["strides"])
    arguments = base["architecture"]["arch_kwargs"]
    blocks = "n_blocks_per_stage" if "n_blocks_per_stage" in arguments else "n_conv_per_stage"
    arguments |= {
        "n_stages": stages,
        "features_per_stage": [FEATURES * 2**stage for stage in range(stages)],
        "kernel_sizes": case.topology["kernels"],
        "strides": case.topology["strides"],
        blocks: [1, 2, 2] if blocks == "n_blocks_per_stage" else [2] * stages,
        "n_conv_per_stage_decoder": [1 if "ResEnc" in case.planner else 2] * (stages - 1),
    }
    base |= {"patch_size": case.topology["patch"], "batch_size": 2}
    if "3d_lowres" in case.configurations:
        configurations["3d_lowres"] = json.loads(json.dumps(base)) | {
            "data_identifier": f"{plans['plans_name']}_3d_lowres",
            "spacing": [1.6 * value for value in base["spacing"]],
            "next_stage": "3d_cascade_fullres",
        }
        configurations["3d_cascade_fullres"] = {
            "inherits_from": "3d_fullres",
            "previous_stage": "3d_lowres",
        }
    path.write_text(json.dumps(plans, indent=2))


def age(path: Path) -> None:
    """Rewrites plans.json with the network's description in the form of nnU-Net before 2.4."""
    plans = json.loads(path.read_text())
    for configuration in plans["configurations"].values():
        if "architecture" not in configuration:
            continue
        network = configuration.pop("architecture")
        arguments = network["arch_kwargs"]
        configuration |= {
            "UNet_class_name": network["network_class_name"].split(".")[-1],
            "UNet_base_num_features": arguments["features_per_stage"][0],
            "unet_max_num_features": max(arguments["features_per_stage"]),
            "n_conv_per_stage_encoder": arguments["n_conv_per_stage"],
            "n_conv_per_stage_decoder": arguments["n_conv_per_stage_decoder"],
            "num_pool_per_axis": [2] * len(configuration["patch_size"]),
            "pool_op_kernel_sizes": arguments["strides"],
            "conv_kernel_sizes": arguments["kernel_sizes"],
        }
    path.write_text(json.dumps(plans, indent=2))


def predict(case: Case, out: Path, name: str) -> None:
    """The reference: nnU-Net's command on ten cases, as a user runs it."""
    images, previous = folder(out, name, "raw") / "imagesTs", None
    for configuration in case.configurations:
        (model,) = folder(out, name, "results").glob(f"*__{configuration}")
        if case.old_plans:
            age(model / "plans.json")
        target = out / "predicted" / (
            name if configuration == case.configurations[-1] else f"{name}-{configuration}"
        )  # fmt: skip
        command = [
            Path(sys.executable).with_name("nnUNetv2_predict_from_modelfolder"),
            *("-i", images, "-o", target, "-m", model, "-device", "cpu", "-npp", "1", "-nps", "1"),
            *("-f", *case.folds),
        ]
        if previous is not None:
            command += ["-prev_stage_predictions", previous]
        subprocess.run([*map(str, command)], check=True, stdout=subprocess.DEVNULL)
        previous = target


if __name__ == "__main__":
    main()
