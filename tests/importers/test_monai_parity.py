"""A bundle of MONAI gives in Tessera the mask that MONAI itself makes."""

import io
import json
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import torch
import yaml
from monai.networks.nets.dints import TopologySearch
from numpy.typing import NDArray
from PIL import Image

from imaging.errors import BadModel
from inference.engine import Engine
from inference.options import RunOptions
from models.importers.run import import_model
from models.registry import Model, Registry
from tests.support.monai_bundles import (
    ARGMAX,
    SIGMOID,
    SOFTMAX,
    THRESHOLD,
    UNET,
    configuration,
    invert,
    on_image,
    on_pred,
    save_weights,
    smooth,
    windows,
    write_bundle,
    write_volume,
)
from tests.support.monai_home import home_mask, seeded_network

EQUAL = 0.999
"""Part of the voxels that must be equal; the networks are noise, so that all faults show."""
RAS = on_image("Orientationd", axcodes="RAS")
SEGRESNET = {
    "_target_": "monai.networks.nets.SegResNet", "in_channels": 2, "out_channels": 3,
    "init_filters": 8, "blocks_down": [1, 1], "blocks_up": [1],
}  # fmt: skip
MERGE = on_pred("Lambdad", func="$lambda x: torch.where(x[[2]] > 0, 4, torch.where(x[[0]] > 0, 1, "
                "torch.where(x[[1]] > 0, 2, 0)))")  # fmt: skip

CASES: dict[str, dict[str, Any]] = {
    "spacing, softmax before invert": {
        "before": [
            RAS,
            on_image("Spacingd", pixdim=[1.5, 1.5, 2.0], mode="bilinear"),
            on_image("ScaleIntensityRanged", a_min=-90, a_max=150, b_min=0, b_max=1, clip=True),
            on_image("EnsureTyped"),
        ],
    },
    "logits before invert": {
        "before": [RAS, on_image("Spacingd", pixdim=[2, 2, 2], mode=["bilinear"])],
        "after": [invert(), ARGMAX],
        "inferer": windows(overlap=0.5),
    },
    "labels before invert": {
        "before": [
            on_image("Orientationd", axcodes="LPS"),
            on_image("Spacingd", pixdim=1.9),
            on_image("NormalizeIntensityd", nonzero=True),
            on_image("ScaleIntensityd", minv=-1.0, maxv=1.0),
        ],
        "after": [SOFTMAX, ARGMAX, invert(nearest_interp=True)],
        "inferer": windows(padding_mode="replicate", mode="gaussian"),
    },
    "crop, percentiles, largest components": {
        "before": [
            RAS,
            on_image("Spacingd", pixdim=[1.5, 1.5, 2.0], mode="bilinear"),
            on_image(
                "ScaleIntensityRangePercentilesd", lower=30, upper=99, b_min=0, b_max=1, clip=True
            ),
            on_image("CropForegroundd", source_key="@image_key", mode="minimum"),
        ],
        "after": [
            SOFTMAX,
            invert(),
            ARGMAX,
            on_pred("KeepLargestConnectedComponentd", applied_labels=[1, 2]),
        ],
        "inferer": windows([32, 16, 16], overlap=0.7),
    },
    "regions of two channels": {
        "network": SEGRESNET,
        "load": [on_image("LoadImaged")],
        "before": [on_image("NormalizeIntensityd", nonzero=True, channel_wise=True)],
        "after": [SIGMOID, invert(), THRESHOLD, MERGE],
        "inferer": windows(overlap=0.5, padding_mode="reflect"),
    },
    "channels measured together": {
        "network": SEGRESNET,
        "before": [
            on_image("NormalizeIntensityd", subtrahend=[10, 40], divisor=[90, 30],
                     channel_wise=True),
            on_image("ScaleIntensityd"),
        ],
    },
    "margins, pads, the whole scan at once": {
        "before": [
            on_image("ScaleIntensityd"),
            on_image("CropForegroundd", source_key="@image_key", margin=[1, 2, 0],
                     allow_smaller=True),
            on_image("BorderPadd", spatial_border=[1, 0, 2], mode="reflect"),
            on_image("SpatialPadd", spatial_size=[30, -1, 20], method="end", value=0.25),
            on_image("DivisiblePadd", k=[8, 8, 2], mode="edge"),
        ],
        "inferer": windows([-1, -1, -1]),
    },
    "padded windows, holes filled": {
        "network": UNET | {"out_channels": 2},
        "before": [
            RAS,
            on_image("Spacingd", pixdim=[1.5, 1.5, 2.0], mode="bilinear"),
            on_image("SpatialPadd", spatial_size=[40, 24, 24]),
            on_image("ScaleIntensityd"),
        ],
        "after": [SOFTMAX, invert(), ARGMAX, on_pred("FillHolesd", connectivity=1)],
    },
    "slices": {
        "network": UNET | {"spatial_dims": 2, "norm": "instance"},
        "inferer": windows([24, 24]) | {"_target_": "SliceInferer", "spatial_dim": 2},
    },
}  # fmt: skip


def imported(bundle: Path, folder: Path, **options: Any) -> Model:
    registry = Registry(folder / "added", zoo=folder / "none")
    return import_model(bundle, options, registry.add, lambda _text: None)


def segmented(model: Model, scans: Mapping[str, Path], folder: Path) -> NDArray[Any]:
    """The mask on the scan's stored axes."""
    engine = Engine(Registry(folder / "added", zoo=folder / "none"), "cpu")
    options = RunOptions(precision="fp32")
    result = engine.segment(scans, model.card.name, folder / "out", options)
    if result.mask.suffix == ".png":
        return np.asarray(Image.open(result.mask))
    return np.asarray(nibabel.load(result.mask).dataobj)


def made(name: str, folder: Path) -> tuple[Path, list[Path], Any]:
    """The bundle of a case with weights, its scans, and MONAI's mask."""
    case = CASES[name]
    channels = case.get("network", UNET)["in_channels"]
    bundle = write_bundle(folder / "small_bundle", configuration(**case), channels)
    scans = [write_volume(folder / f"{n}.nii.gz", seed=n) for n in range(channels)]
    images = {"image": scans if channels > 1 else scans[0]}
    network = seeded_network(bundle, images)
    save_weights(network, bundle)
    return bundle, scans, home_mask(bundle, images, network)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_the_mask_is_monais(name: str, tmp_path: Path) -> None:
    bundle, scans, home = made(name, tmp_path)
    labels = min(3, CASES[name].get("network", UNET)["out_channels"])
    model = imported(bundle, tmp_path)
    channels = [channel.name for channel in model.card.channels]
    mask = segmented(model, dict(zip(channels, scans, strict=True)), tmp_path)
    assert len(np.unique(home)) >= labels
    assert mask.shape == home.shape
    assert (mask == home).mean() >= EQUAL


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault",
    [
        {"results": {"resample": "logits"}},
        {"windows": {"patch": [16, 16, 16], "step": 0.25, "step_rule": "fixed"}},
        {"orientation": "LPS"},
    ],
    ids=["order", "overlap", "orientation"],
)
def test_a_planted_fault_is_found(fault: dict[str, Any], tmp_path: Path) -> None:
    bundle, scans, home = made("spacing, softmax before invert", tmp_path)
    model = imported(bundle, tmp_path)
    path = model.folder / "card.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fault))
    mask = segmented(model, {"mr": scans[0]}, tmp_path)
    assert (mask == home).mean() < EQUAL


@pytest.mark.slow
def test_images_of_a_yaml_configuration(tmp_path: Path) -> None:
    """RGB, resized to a fixed size, one pass; MONAI's reader returns columns before rows."""
    content = configuration(
        network={"_target_": "BasicUNet", "spatial_dims": 2, "in_channels": 3, "out_channels": 2,
                 "features": [4, 4, 8, 8, 8, 4], "norm": "batch"},
        load=[on_image("LoadImaged"), on_image("EnsureChannelFirstd", channel_dim=-1)],
        before=[on_image("Resized", spatial_size=[64, 48], mode="bilinear"),
                on_image("ScaleIntensityd")],
        inferer={"_target_": "SimpleInferer"},
        after=[invert(), on_pred("AsDiscreted", argmax=True, to_onehot=2),
               on_pred("Lambdad", func="$lambda x : x[1:]")],
    )  # fmt: skip
    bundle = write_bundle(tmp_path / "images", content, channels=3, outputs=2)
    (bundle / "configs" / "inference.json").unlink()
    (bundle / "configs" / "inference.yaml").write_text(yaml.safe_dump(content))
    values = np.clip(smooth(3, (50, 71, 3)) + 128, 0, 255).astype(np.uint8)
    Image.fromarray(values).save(tmp_path / "image.png")
    images = {"image": tmp_path / "image.png"}
    network = seeded_network(bundle, images)
    save_weights(network, bundle)
    home = home_mask(bundle, images, network)
    model = imported(bundle, tmp_path)
    assert model.card.channels[0].components == 3
    assert model.card.windows is None
    mask = segmented(model, images, tmp_path)
    assert 0.1 < home.mean() < 0.9
    assert (mask == home.T).mean() >= EQUAL


@pytest.mark.slow
def test_images_with_names_of_their_own(tmp_path: Path) -> None:
    """ConcatItemsd makes one input of two images."""
    keys = ["t2", "adc"]
    content = configuration(
        network=SEGRESNET | {"out_channels": 2},
        load=[{"_target_": name, "keys": keys} for name in ("LoadImaged", "EnsureChannelFirstd")],
        before=[
            {"_target_": "ScaleIntensityd", "keys": keys},
            {"_target_": "ConcatItemsd", "keys": keys, "name": "image"},
        ],
    )
    bundle = write_bundle(tmp_path / "named", content, channels=2, outputs=2)
    metadata = json.loads((bundle / "configs" / "metadata.json").read_text())
    del metadata["network_data_format"]["inputs"]["image"]["channel_def"]
    (bundle / "configs" / "metadata.json").write_text(json.dumps(metadata))
    images = {key: write_volume(tmp_path / f"{key}.nii", seed=len(key)) for key in keys}
    network = seeded_network(bundle, images)
    save_weights(network, bundle)
    model = imported(bundle, tmp_path)
    mask = segmented(model, images, tmp_path)
    assert (mask == home_mask(bundle, images, network)).mean() >= EQUAL


def searched(bundle: Path) -> None:
    """Stores a searched architecture as MONAI's search does: arrays of numpy."""
    torch.manual_seed(1)
    with redirect_stdout(io.StringIO()):
        search = TopologySearch(channel_mul=0.25, num_blocks=2, num_depths=2)
    for weights in (search.log_alpha_a, search.log_alpha_c):
        weights.data.normal_()
    names = ("node_a", "arch_code_a", "arch_code_c")
    codes = dict(zip(names, search.decode(), strict=False))
    torch.save(codes, bundle / "models" / "search.pt")


SEARCHED = {
    "codes": "$torch.load(@bundle_root + '/models/search.pt', map_location=torch.device('cpu'), "
    "weights_only=False)",
    "space": {
        "_target_": "TopologyInstance", "channel_mul": 0.25, "num_blocks": 2, "num_depths": 2,
        "arch_code": ["$@codes['arch_code_a']", "$@codes['arch_code_c']"],
        "device": "$torch.device('cpu')",
    },
}  # fmt: skip
DINTS = {
    "_target_": "monai.networks.nets.DiNTS", "dints_space": "@space", "in_channels": 1,
    "num_classes": 3, "use_downsample": True, "node_a": "$torch.from_numpy(@codes['node_a'])",
}  # fmt: skip


@pytest.mark.slow
def test_a_searched_architecture_is_read_as_data(tmp_path: Path) -> None:
    """A bundle loads it with an expression."""
    content = {**configuration(network=DINTS), **SEARCHED}
    bundle = write_bundle(tmp_path / "dints", content)
    searched(bundle)
    images = {"image": write_volume(tmp_path / "0.nii.gz")}
    network = seeded_network(bundle, images)
    save_weights(network, bundle)
    model = imported(bundle, tmp_path)
    home = home_mask(bundle, images, network)
    mask = segmented(model, {"mr": images["image"]}, tmp_path)
    assert len(np.unique(home)) == 3
    assert (mask == home).mean() >= EQUAL


class Planted:
    """Code in a file that a bundle loads."""

    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("planted",)


def test_code_in_a_loaded_file_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = write_bundle(tmp_path / "dints", {**configuration(network=DINTS), **SEARCHED})
    with pytest.raises(BadModel, match=r"no \./models/search.pt, which its configuration loads"):
        imported(bundle, tmp_path)
    torch.save({"arch_code_a": Planted()}, bundle / "models" / "search.pt")
    with pytest.raises(BadModel, match=r"objects that only code can read: builtins\.print"):
        imported(bundle, tmp_path)
    assert "planted" not in capsys.readouterr().out
