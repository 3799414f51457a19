"""What an import from nnU-Net reads, and what it refuses."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from imaging.errors import BadModel, BadRequest, TesseraError
from imaging.preparation.crop_nonzero import CropNonzero
from imaging.preparation.normalise import Normalise
from imaging.preparation.resample import Resample
from models.importers.registry import importer_for
from models.importers.run import import_model
from models.registry import Model, Registry
from tests.support.nnunet_results import CT, Training, random_network, write_results

FLAT = Training(patch=(16, 16), mirror_axes=(0, 1), configuration="2d", spacing=(1.0, 1.0))


def imported(source: Path, folder: Path, **options: Any) -> Model:
    registry = Registry(folder / "added", zoo=folder / "none")
    return import_model(source, options, registry.add, lambda _text: None)


def written(training: Training, folder: Path) -> Path:
    return write_results(training, folder / "results", [random_network(training)])


def edited(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.slow
@pytest.mark.parametrize(
    "training",
    [
        Training(),
        Training(residual=True),
        Training(old_plans=True),
        Training(channels=("T1", "T2"), schemes=("ZScoreNormalization",) * 2),
        FLAT,
    ],
    ids=["plain", "residual", "old plans", "two channels", "2d"],
)
def test_logits_are_those_of_nnunets_own_network(training: Training, tmp_path: Path) -> None:
    network = random_network(training)
    model = imported(write_results(training, tmp_path / "results", [network]), tmp_path)
    image = torch.randn(2, len(training.channels), *training.patch)
    session = onnxruntime.InferenceSession(model.verified, providers=["CPUExecutionProvider"])
    logits = session.run(["logits"], {"image": image.numpy()})[0]
    with torch.inference_mode():
        expected = network(image).numpy()
    assert np.abs(logits - expected).max() < 1e-5 * np.ptp(expected)


def test_the_card_states_what_the_plans_do(tmp_path: Path) -> None:
    training = Training(
        channels=("CT", "FLAIR"),
        schemes=("CTNormalization", "ZScoreNormalization"),
        masked=True,
        spacing=(3.0, 0.8, 0.7),
        transpose=(2, 0, 1),
        mirror_axes=(0, 2),
        labels={"background": 0, "liver": 1, "Left kidney": 2, "ignore": 3},
    )
    card = imported(written(training, tmp_path), tmp_path).card
    assert (card.name, card.title) == (
        "small_things-3d-fullres",
        "Small_Things (nnU-Net 3d_fullres)",
    )
    assert [channel.name for channel in card.channels] == ["ct", "flair"]
    assert [(label.value, label.name) for label in card.labels] == [
        (1, "liver"),
        (2, "Left kidney"),
    ]
    assert (card.outputs, card.activation) == ((0, 1, 2), "softmax")
    assert card.orientation == "ikj"  # z, y, x as stored are k, j, i
    crop, normalise, resample = card.preparation
    assert isinstance(crop, CropNonzero)
    assert crop.keep_mask
    assert isinstance(normalise, Normalise)
    assert [rule.model_dump(exclude_defaults=True) for rule in normalise.rules] == [
        {
            "kind": "fixed",
            "lower": CT["percentile_00_5"],
            "upper": CT["percentile_99_5"],
            "mean": CT["mean"],
            "std": CT["std"],
        },
        {"kind": "zscore", "over": "inside"},
    ]
    assert isinstance(resample, Resample)
    assert (resample.spacing_mm, resample.order, resample.clip) == ((3.0, 0.8, 0.7), 3, True)
    assert (resample.anchor, resample.coarse_ratio, resample.coarse_order) == ("edges", 3.0, 0)
    windows = card.windows
    assert windows is not None
    assert (windows.patch, windows.step, windows.step_rule) == ((16, 16, 16), 0.5, "spread")
    assert (windows.sigma, windows.mirror_axes, windows.pad_value) == (0.125, (0, 2), 0)
    assert not card.exact


def test_regions_are_painted_in_their_order(tmp_path: Path) -> None:
    labels = {"background": 0, "whole": [1, 2, 3], "core": [2, 3], "active": 3}
    training = Training(labels=labels, regions_order=(1, 2, 3))
    card = imported(written(training, tmp_path), tmp_path).card
    assert (card.activation, card.outputs) == ("sigmoid", (1, 2, 3))
    assert [label.name for label in card.labels] == ["whole", "core", "active"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reader", "transpose", "stored", "expected"),
    [
        ("SimpleITKIO", (0, 1, 2), None, "kji"),
        ("NibabelIO", (1, 0, 2), None, "jki"),
        ("NibabelIOWithReorient", (0, 1, 2), None, "SAR"),
        ("SimpleITKIO", (0, 1, 2), "LPS", "SPL"),
        ("SimpleITKIO", (2, 0, 1), "RAS", "RSA"),
        ("Tiff3DIO", (0, 1, 2), None, "ijk"),
    ],
)
def test_axes_are_those_of_nnunets_reader(
    reader: str, transpose: tuple[int, int, int], stored: str | None, expected: str, tmp_path: Path
) -> None:
    training = Training(reader=reader, transpose=transpose)
    options = {} if stored is None else {"orientation": stored}
    assert imported(written(training, tmp_path), tmp_path, **options).card.orientation == expected


def test_a_2d_network_segments_volumes_slice_by_slice(tmp_path: Path) -> None:
    training = replace(FLAT, spacing=(0.8, 0.7))
    card = imported(written(training, tmp_path), tmp_path).card
    assert card.windows is not None
    assert (card.dimension, card.windows.slicewise) == (3, True)
    assert (card.windows.patch, card.windows.mirror_axes) == ((1, 16, 16), (1, 2))
    resample = card.preparation[-1]
    assert isinstance(resample, Resample)
    assert resample.spacing_mm == (None, 0.8, 0.7)  # slices keep their distance


@pytest.mark.slow
def test_a_picture_is_used_at_its_own_size(tmp_path: Path) -> None:
    training = replace(
        FLAT,
        reader="NaturalImage2DIO",
        channels=("R", "G", "B"),
        schemes=("RGBTo01Normalization",) * 3,
        median_shape=(1.0, 90.0, 90.0),
    )
    source = written(training, tmp_path)
    card = imported(source, tmp_path).card
    assert (card.dimension, card.orientation) == (2, "ij")
    assert [(channel.name, channel.components) for channel in card.channels] == [("image", 3)]
    assert [step.step for step in card.preparation] == ["crop_nonzero", "normalise"]
    apart = imported(source, tmp_path, rgb="no", name="apart").card
    assert [channel.name for channel in apart.channels] == ["r", "g", "b"]


@pytest.mark.slow
def test_without_mirroring_windows_run_once(tmp_path: Path) -> None:
    source = written(Training(), tmp_path)
    card = imported(source, tmp_path, no_mirroring=True).card
    assert card.windows is not None
    assert card.windows.mirror_axes == ()
    never = write_results(
        Training(mirror_axes=None), tmp_path / "more", [random_network(Training())]
    )
    card = imported(never, tmp_path, name="never").card
    assert card.windows is not None
    assert card.windows.mirror_axes == ()


@pytest.mark.slow
def test_the_zip_and_the_folders_above_are_sources_too(tmp_path: Path) -> None:
    source = written(Training(), tmp_path)
    archive = shutil.make_archive(str(tmp_path / "export"), "zip", tmp_path / "results")
    hashes = {
        imported(path, tmp_path, name=f"model-{n}").card.sha256
        for n, path in enumerate((source, source.parent, source.parents[1], Path(archive)))
    }
    assert len(hashes) == 1


@pytest.mark.slow
def test_one_of_several_configurations_is_chosen(tmp_path: Path) -> None:
    written(Training(), tmp_path)
    written(FLAT, tmp_path)
    with pytest.raises(BadRequest, match="contains 2 trained networks") as refusal:
        imported(tmp_path / "results", tmp_path)
    assert "--configuration" in str(refusal.value)
    card = imported(tmp_path / "results", tmp_path, configuration="2d").card
    assert card.name == "small_things-2d"
    with pytest.raises(BadRequest, match="no network of the configuration 3d_lowres") as refusal:
        imported(tmp_path / "results", tmp_path, configuration="3d_lowres")
    assert "2d, 3d_fullres" in str(refusal.value)


@pytest.mark.parametrize("below", ["", "Dataset007_Small_Things", Training().folder])
def test_the_configuration_of_a_single_network_is_not_ignored(below: str, tmp_path: Path) -> None:
    written(Training(), tmp_path)
    with pytest.raises(BadRequest, match="no network of the configuration 2d") as refusal:
        imported(tmp_path / "results" / below, tmp_path, configuration="2d")
    assert "3d_fullres" in str(refusal.value)


def test_a_cascade_takes_the_mask_of_its_first_network(tmp_path: Path) -> None:
    training = Training(configuration="3d_cascade_fullres", previous_stage="3d_lowres")
    source = written(training, tmp_path)
    card = imported(source, tmp_path).card
    assert [(one.name, one.label_values, one.made_by) for one in card.channels] == [
        ("mri", (), None),
        ("previous", (1, 2), "small_things-3d-lowres"),
    ]
    card = imported(source, tmp_path, name="other", first_model="coarse").card
    assert card.channels[1].made_by == "coarse"


def test_validation_dice_is_kept(tmp_path: Path) -> None:
    source = written(Training(), tmp_path)
    (source / "fold_0" / "validation").mkdir()
    summary = {"foreground_mean": {"Dice": 0.8}, "mean": {"1": {"Dice": 0.9}, "2": {"Dice": None}}}
    (source / "fold_0" / "validation" / "summary.json").write_text(json.dumps(summary))
    assert imported(source, tmp_path).card.figures == {"dice": 0.8, "dice_1": 0.9}


UNSUPPORTED: dict[str, tuple[Training, str]] = {
    "normalisation": (Training(schemes=("MyNormalization",)), "the normalisation MyNormalization"),
    "preprocessor": (
        Training(changed={"preprocessor_name": "MyPreprocessor"}),
        "the MyPreprocessor",
    ),
    "resampling": (
        Training(changed={"resampling_fn_data": "my_resampling"}),
        "the resampling my_resampling",
    ),
    "results' order": (
        Training(changed={"resampling_fn_probabilities_kwargs": {"order": 3}}),
        "results that are resampled",
    ),
    "reader": (Training(reader="MyIO"), "the reader MyIO"),
    "network": (
        Training(changed={"architecture": {"network_class_name": "my.Primus", "arch_kwargs": {}}}),
        "the network Primus",
    ),
    "trainer": (Training(trainer="nnUNet_Primus_S_Trainer"), "nnUNet_Primus_S_Trainer"),
}


@pytest.mark.parametrize(("training", "named"), UNSUPPORTED.values(), ids=UNSUPPORTED)
def test_what_cannot_be_mapped_is_refused_by_name(
    training: Training, named: str, tmp_path: Path
) -> None:
    with pytest.raises(TesseraError, match=named) as refusal:
        imported(written(training, tmp_path), tmp_path)
    assert refusal.value.hint
    assert refusal.value.expected


def test_an_unknown_layer_or_argument_is_refused_by_name(tmp_path: Path) -> None:
    source = written(Training(), tmp_path)
    plans = source / "plans.json"

    def argument(name: str, value: Any) -> Callable[[dict[str, Any]], object]:
        def change(content: dict[str, Any]) -> None:
            (configuration,) = content["configurations"].values()
            configuration["architecture"]["arch_kwargs"][name] = value

        return change

    for name, value in (("nonlin", "os.system"), ("nonlin", "torch.nn.Linear"), ("pool", "max")):
        edited(plans, argument(name, value))
        with pytest.raises(BadModel, match=str(value)):
            imported(source, tmp_path)
        edited(plans, argument("nonlin", "torch.nn.LeakyReLU"))


def test_a_trainer_of_ones_own_is_imported_as_another(tmp_path: Path) -> None:
    source = written(Training(trainer="nnUNetTrainer_MyLoss"), tmp_path)
    with pytest.raises(BadRequest, match="nnUNetTrainer_MyLoss") as refusal:
        imported(source, tmp_path)
    assert "--trainer nnUNetTrainer" in str(refusal.value)
    card = imported(source, tmp_path, trainer="nnUNetTrainer").card
    assert "as nnUNetTrainer does" in card.limits


@pytest.mark.parametrize(
    "name",
    ["nnUNetTrainer_250epochs", "nnUNetTrainerNoMirroring", "nnUNetTrainer_4000epochs_NoMirroring",
     "nnUNetTrainerDA5", "nnUNetTrainerDiceCELoss_noSmooth", "nnUNetTrainer_onlyMirror01_DA5",
     "nnUNetTrainerVanillaAdam3en4", "nnUNetTrainer_probabilisticOversampling_033"],
)  # fmt: skip
def test_nnunets_own_trainers_are_known(name: str) -> None:
    from models.importers.nnunet.trainers import check_trainer

    check_trainer(name)


class Foreign:
    """A class that a checkpoint must not bring to life."""

    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("a checkpoint ran code",)


def test_code_in_a_checkpoint_is_named_and_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    training = Training()
    source = written(training, tmp_path)
    path = source / "fold_0" / "checkpoint_final.pth"
    content = torch.load(path, weights_only=False)
    torch.save(content | {"logging": Foreign()}, path)
    with pytest.raises(BadModel, match=r"only code can read: builtins\.print"):
        imported(source, tmp_path)
    assert "a checkpoint ran code" not in capsys.readouterr().out


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    training = Training()
    source = written(training, tmp_path)
    checkpoint = source / "fold_0" / "checkpoint_final.pth"
    whole = checkpoint.read_bytes()
    content = torch.load(checkpoint, weights_only=False)
    for broken in (b"", whole[: len(whole) // 2], b"\x80\x02."):
        checkpoint.write_bytes(broken)
        with pytest.raises(BadModel, match=r"checkpoint_final\.pth cannot be read"):
            imported(source, tmp_path)
    for entry in ("network_weights", "trainer_name", "init_args"):
        torch.save({key: value for key, value in content.items() if key != entry}, checkpoint)
        with pytest.raises(BadModel, match=entry):
            imported(source, tmp_path)
    other = random_network(replace(training, residual=True))
    torch.save(content | {"network_weights": other.state_dict()}, checkpoint)
    with pytest.raises(BadModel, match="do not fit the network"):
        imported(source, tmp_path)
    network = random_network(training)
    next(network.parameters()).data[0] = float("nan")
    torch.save(content | {"network_weights": network.state_dict()}, checkpoint)
    with pytest.raises(BadModel, match="NaN"):
        imported(source, tmp_path)


@pytest.mark.parametrize("field", ["patch_size", "spacing", "normalization_schemes"])
def test_plans_without_a_field_are_refused_by_its_name(field: str, tmp_path: Path) -> None:
    source = written(Training(), tmp_path)
    edited(source / "plans.json", lambda plans: plans["configurations"]["3d_fullres"].pop(field))
    with pytest.raises(BadModel, match=field):
        imported(source, tmp_path)


@pytest.mark.parametrize(
    "labels",
    [{}, {"a": 1}, {"background": 0}, {"background": 0, "a": 2}, {"background": 0, "a": [1, 2]}],
    ids=["none", "no background", "alone", "gap", "regions without order"],
)
def test_labels_that_nnunet_does_not_allow_are_refused(
    labels: dict[str, Any], tmp_path: Path
) -> None:
    source = written(Training(), tmp_path)
    edited(source / "dataset.json", lambda dataset: dataset.update(labels=labels))
    with pytest.raises(BadModel, match=r"dataset\.json"):
        imported(source, tmp_path)


@pytest.mark.slow
def test_folds_and_checkpoints_are_chosen(tmp_path: Path) -> None:
    training = Training()
    first, second = (random_network(training, seed) for seed in (0, 1))
    source = write_results(training, tmp_path / "results", [first, second])
    with pytest.raises(BadRequest, match="for the fold 4") as refusal:
        imported(source, tmp_path, folds="4")
    assert "0, 1" in str(refusal.value)
    with pytest.raises(BadRequest, match=r"checkpoint_best\.pth"):
        imported(source, tmp_path, checkpoint="best")
    one, other = (
        imported(source, tmp_path, folds=fold, name=f"fold-{fold}").card.sha256 for fold in "01"
    )
    assert one != other
    both = imported(source, tmp_path, name="both").card
    assert (both.sha256, *both.members) == (one, other)


def test_a_mask_folder_is_not_a_source(tmp_path: Path) -> None:
    """nnU-Net's predictions have plans.json and dataset.json, too."""
    source = written(Training(), tmp_path)
    shutil.rmtree(source / "fold_0")
    with pytest.raises(BadRequest, match="not recognised"):
        importer_for(source)
