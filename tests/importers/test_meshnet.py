"""MeshNets of brainchop give in Tessera what torch gives on the volume that they were made for."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nibabel
import numpy as np
import onnxruntime
import pytest
import torch
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform

from imaging.errors import BadModel
from inference.engine import Engine
from inference.networks.reach_probe import proved
from inference.options import RunOptions
from models.completed_card import completed
from models.importers.registry import importer_for
from models.importers.run import import_model
from models.registry import Model, Registry
from tests.support.command_line import tessera
from tests.support.meshnets import meshnet, write_tfjs, write_torch

WRITERS: dict[str, Callable[[Any, Path], Path]] = {
    "tfjs": write_tfjs,
    "safetensors": write_torch,
    "state dict": lambda network, folder: write_torch(network, folder, safetensors=False),
}


def imported(source: Path, folder: Path, **options: Any) -> Model:
    registry = Registry(folder / "added", zoo=folder / "none")

    def add(draft: Path) -> Model:
        with TemporaryDirectory(dir=folder) as complete:
            completed(draft, Path(complete), proved)
            return registry.add(Path(complete))

    return import_model(source, options, add, lambda _text: None)


def logits(model: Model, image: torch.Tensor) -> np.ndarray[Any, Any]:
    session = onnxruntime.InferenceSession(model.verified, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(["logits"], {"image": image.numpy()})[0])


@pytest.mark.parametrize("norm", [False, True], ids=["plain", "norm"])
@pytest.mark.parametrize("written", WRITERS)
def test_logits_are_those_of_torch(written: str, norm: bool, tmp_path: Path) -> None:
    network = meshnet(norm=norm)
    source = WRITERS[written](network, tmp_path / "Small_MeshNet")
    model = imported(source, tmp_path)
    image = torch.randn(1, 1, 12, 15, 18)
    with torch.inference_mode():
        expected = network(image).numpy()
    assert np.abs(logits(model, image) - expected).max() < 1e-5 * np.ptp(expected)


def test_the_card_states_what_the_source_does(tmp_path: Path) -> None:
    (tmp_path / "LICENSE").write_text("MIT License\n\nCopyright\n")
    card = imported(write_torch(meshnet(), tmp_path / "Small_MeshNet"), tmp_path).card
    assert (card.name, card.title, card.licence) == ("small_meshnet", "A small MeshNet", "MIT")
    assert [(one.value, one.name, one.color) for one in card.labels] == [
        (1, "Cerebral White Matter", "#f5f5f5"),
        (2, "Cerebral Cortex", "#cd3e4e"),
    ]
    assert card.outputs == (0, 1, 2)
    assert card.halo == (8, 8, 8)
    assert card.exact
    assert card.parameters == sum(p.numel() for p in meshnet().parameters())
    assert (card.intensity.kind, card.intensity.lower, card.intensity.upper) == (
        "percentile", 0, 100,
    )  # fmt: skip
    assert card.orientation == "LIA"
    assert "grow to LIA" in card.limits


@pytest.mark.parametrize("orientation", ["LIA", "PSR"])
def test_the_mask_is_that_of_torch_on_the_turned_volume(orientation: str, tmp_path: Path) -> None:
    """A scan stored along RAS+, against torch on the same scan turned by nibabel."""
    network = meshnet()
    source = write_torch(network, tmp_path / "net")
    model = imported(source, tmp_path, orientation=orientation)
    values = np.random.default_rng(0).normal(100, 30, (20, 22, 24)).astype(np.float32)
    image = nibabel.Nifti1Image(values, np.eye(4))
    nibabel.save(image, tmp_path / "scan.nii")
    start, end = (io_orientation(image.affine), axcodes2ornt(orientation))
    turned = image.as_reoriented(ornt_transform(start, end))
    unit = (turned.get_fdata(dtype=np.float32) - values.min()) / np.ptp(values)
    with torch.inference_mode():
        logits = network(torch.from_numpy(unit)[None, None])[0].numpy()
    labels = nibabel.Nifti1Image(logits.argmax(0).astype(np.uint8), turned.affine)
    expected = labels.as_reoriented(ornt_transform(end, start)).get_fdata()
    engine = Engine(Registry(tmp_path / "added", zoo=tmp_path / "none"), "cpu")
    result = engine.segment({"t1": tmp_path / "scan.nii"}, model.card.name, tmp_path / "out")
    mask = np.asarray(nibabel.load(result.mask).dataobj)
    sure = np.sort(logits, 0)[-1] - np.sort(logits, 0)[-2] > 1e-4 * np.ptp(logits)
    sure = nibabel.Nifti1Image(sure.astype(np.uint8), turned.affine)
    sure = sure.as_reoriented(ornt_transform(end, start)).get_fdata() > 0
    assert sure.mean() > 0.99
    assert len(np.unique(expected)) == 3
    assert np.array_equal(mask[sure], expected[sure])


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda d: d["layers"][1].update(stride=2), "stride 2"),
        (lambda d: d["layers"][1].update(padding=1), "padding 1 at dilation 2"),
        (lambda d: d["layers"][1].update(out_channels=5), "model.json states"),
        (lambda d: d["layers"].pop(), "1 layers that model.json does not list"),
        (lambda d: d.update(bnorm=True), "instance or group norms"),
        (lambda d: d["layers"][0].pop("in_channels"), "do not fit together"),
    ],
    ids=["stride", "padding", "shape", "fewer", "norm", "missing"],
)
def test_what_a_layer_list_cannot_be_is_refused_by_name(
    change: Callable[[Any], Any], text: str, tmp_path: Path
) -> None:
    source = write_torch(meshnet(), tmp_path / "net")
    description = json.loads((source / "model.json").read_text())
    change(description)
    (source / "model.json").write_text(json.dumps(description))
    with pytest.raises(BadModel, match=text):
        imported(source, tmp_path)


def _config(description: Any, layer: int) -> Any:
    return description["modelTopology"]["model_config"]["config"]["layers"][layer]["config"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda d: _config(d, 1).update(strides=[2, 2, 2]), "strides"),
        (lambda d: _config(d, 1).update(padding="valid"), "padding 'valid'"),
        (lambda d: _config(d, 2).update(activation="swish"), "activation swish"),
        (lambda d: d["weightsManifest"][0]["weights"].pop(), "model.json describes"),
        (lambda d: d["weightsManifest"][0].update(paths=["../net/model.bin"]), "outside"),
        (lambda d: d["weightsManifest"][0]["paths"].pop(), "shorter"),
        (lambda d: d["weightsManifest"][0]["weights"][0].update(dtype="int32"), "type int32"),
        (lambda d: d.pop("weightsManifest"), "lacks"),
    ],
    ids=["strides", "valid", "swish", "more bytes", "path", "fewer bytes", "type", "no weights"],
)
def test_what_a_layers_model_cannot_be_is_refused_by_name(
    change: Callable[[Any], Any], text: str, tmp_path: Path
) -> None:
    source = write_tfjs(meshnet(), tmp_path / "net")
    description = json.loads((source / "model.json").read_text())
    change(description)
    (source / "model.json").write_text(json.dumps(description))
    with pytest.raises(BadModel, match=text):
        imported(source, tmp_path)


def test_a_truncated_safetensors_file_is_refused(tmp_path: Path) -> None:
    source = write_torch(meshnet(), tmp_path / "net")
    whole = (source / "model.pth").read_bytes()
    (source / "model.pth").write_bytes(whole[:-4])
    with pytest.raises(BadModel, match="complete safetensors"):
        imported(source, tmp_path)


def test_a_pickle_with_code_is_not_run(tmp_path: Path) -> None:
    source = write_torch(meshnet(), tmp_path / "net")
    ran = tmp_path / "ran"

    class Code:
        def __reduce__(self) -> Any:
            return ran.write_text, ("x",)

    torch.save({"model.0.weight": Code()}, source / "model.pth")
    with pytest.raises(BadModel, match=r"only code can read: .*PosixPath.*not run"):
        imported(source, tmp_path)
    assert not ran.exists()


def test_a_colormap_of_other_labels_is_refused(tmp_path: Path) -> None:
    source = write_torch(meshnet(), tmp_path / "net")
    colormap = {"R": [0], "G": [0], "B": [0], "labels": ["Unknown"]}
    (source / "colormap.json").write_text(json.dumps(colormap))
    with pytest.raises(BadModel, match="1 labels; the network has 3 outputs"):
        imported(source, tmp_path)
    (source / "colormap.json").unlink()
    card = imported(source, tmp_path).card
    assert [label.name for label in card.labels] == ["label 1", "label 2"]
    assert "labels have no names" in card.limits


def test_a_model_json_is_recognised_alone_and_in_its_folder(tmp_path: Path) -> None:
    source = write_tfjs(meshnet(), tmp_path / "net")
    for path in (source, source / "model.json"):
        assert importer_for(path).name == "meshnet"


@pytest.mark.slow
def test_one_command_imports_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TESSERA_DATA", str(tmp_path / "data"))
    source = write_tfjs(meshnet((1, 2, 1)), tmp_path / "net")
    assert tessera("models", "import", source, "--name", "small", "--intensity", "quantile") == 0
    assert "Checked and added: small 1." in capsys.readouterr().out
    assert tessera("models", "import", source, "--intensity", "odd") == 2
    assert "--intensity is not valid" in capsys.readouterr().err
    card = Registry(tmp_path / "data" / "models").get("small").card
    assert (card.intensity.lower, card.intensity.upper) == (5, 95)


SHARED = os.environ.get("TESSERA_TEST_DATA")
REAL = ("model18cls", "model18cls_torch")
"""One network in two formats, under `meshnet` in the folder that TESSERA_TEST_DATA names, which CI
has not."""

if SHARED:

    @pytest.mark.slow
    @pytest.mark.parametrize("name", REAL)
    def test_a_trained_network_is_exact_and_gives_the_mask_of_torch(
        name: str, tmp_path: Path
    ) -> None:
        """A crop of a head in tiles, against torch in one pass, but for voxels that are a tie."""
        folder = Path(str(SHARED)) / "meshnet"
        model = imported(folder / name, tmp_path)
        assert (model.card.exact, model.card.halo) == (True, (46, 46, 46))
        image = nibabel.load(folder / "t1_crop.nii.gz").slicer[76:180, 60:164, 70:174]
        nibabel.save(image, tmp_path / "head.nii.gz")
        values = np.asarray(image.dataobj).astype(np.float32)
        unit = torch.from_numpy((values - values.min()) / np.ptp(values))
        with torch.inference_mode():
            logits = _torch_pass(folder / "model18cls_torch", unit[None, None])[0]
        best = logits.topk(2, 0)
        tie = (best.values[0] - best.values[1]) < 1e-5 * np.ptp(logits.numpy())
        engine = Engine(Registry(tmp_path / "added", zoo=tmp_path / "none"), "auto")
        options = RunOptions(tile=(100, 100, 100), precision="fp32")
        scans = {"t1": tmp_path / "head.nii.gz"}
        result = engine.segment(scans, model.card.name, tmp_path / "out", options)
        mask = np.asarray(nibabel.load(result.mask).dataobj)
        assert result.report["tiling"]["tiles"] > 1
        assert len(np.unique(mask)) > 8
        assert tie.float().mean() < 5e-4
        assert np.array_equal(mask[~tie.numpy()], best.indices[0].numpy()[~tie.numpy()])

    def _torch_pass(folder: Path, image: torch.Tensor) -> torch.Tensor:
        """brainchop's layers, read here without the importer."""
        layers = json.loads((folder / "model.json").read_text())["layers"]
        data = (folder / "model.pth").read_bytes()
        start = 8 + int.from_bytes(data[:8], "little")
        header = json.loads(data[8:start])
        for index, layer in enumerate(layers):
            weight, bias = (
                torch.from_numpy(
                    np.frombuffer(data, "<f4", (end - begin) // 4, start + begin)
                    .reshape(entry["shape"])
                    .copy()
                )
                for part in ("weight", "bias")
                for entry in [header[f"model.{2 * index}.{part}"]]
                for begin, end in [entry["data_offsets"]]
            )
            image = torch.nn.functional.conv3d(
                image, weight, bias, padding=layer["padding"], dilation=layer["dilation"]
            )
            if index < len(layers) - 1:
                image = torch.nn.functional.elu(image)
        return image
