"""TorchScript files and exported programs give in ONNX what torch gives."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from imaging.errors import BadModel, BadRequest
from inference.networks.reach_probe import proved
from models.completed_card import completed
from models.importers.registry import importer_for
from models.importers.run import import_model
from models.importers.torch_export import export_to_onnx
from models.importers.traced_export import _compare_larger
from models.registry import Model, Registry
from tests.support.torch_programs import Network, exported, scripted, torchscript

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit", "ignore:.*treespec")

STATED = {"trust": True, "intensity": "zscore", "probe_size": "16"}


class SizedByItsCode(nn.Module):
    """Has other weights for larger images."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv3d(1, 2, 1)

    def forward(self, image: Tensor) -> Tensor:
        factor = 1.0 if image.shape[-1] < 20 else 5.0
        return self.layer(image) * factor


def imported(source: Path, folder: Path, **options: Any) -> Model:
    registry = Registry(folder / "added", zoo=folder / "none")

    def add(draft: Path) -> Model:
        with TemporaryDirectory(dir=folder) as complete:
            completed(draft, Path(complete), proved)
            return registry.add(Path(complete))

    return import_model(source, STATED | options, add, lambda _text: None)


def logits(model: Model, image: Tensor) -> Any:
    session = onnxruntime.InferenceSession(model.verified, providers=["CPUExecutionProvider"])
    return session.run(["logits"], {"image": image.numpy()})[0]


@pytest.mark.slow
@pytest.mark.parametrize("write", [torchscript, scripted, exported])
def test_logits_are_those_of_the_program(write: Any, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = Network()
    source = write(network, tmp_path)
    assert importer_for(source).name == "torch-program"
    model = imported(source, tmp_path, labels="liver,spleen", spacing="1,1,2.5", channels="ct")
    image = torch.randn(1, 1, 20, 22, 26)
    with torch.inference_mode():
        expected = network(image).numpy()
    assert np.abs(logits(model, image) - expected).max() < 1e-4 * np.ptp(expected)
    card = model.card
    assert [label.name for label in card.labels] == ["liver", "spleen"]
    assert (card.channels[0].name, card.spacing_mm) == ("ct", (1.0, 1.0, 2.5))
    assert (card.align, card.exact) == ((2, 2, 2), True)


@pytest.mark.slow
def test_probabilities_of_regions_become_logits(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = Network(1, several=True, sigmoid=True)
    model = imported(torchscript(network, tmp_path), tmp_path, labels="brain")
    image = torch.randn(1, 1, 16, 16, 16)
    with torch.inference_mode():
        expected = network(image)[0].numpy()
    assert np.array_equal(logits(model, image) > 0, expected > 0.5)
    assert 0 < (expected > 0.5).mean() < 1
    assert model.card.activation == "sigmoid"
    assert model.card.outputs == (1,)
    assert "probabilities" in model.card.limits


def test_a_program_needs_trust(tmp_path: Path) -> None:
    source = torchscript(Network(), tmp_path)
    with pytest.raises(BadRequest, match=r"runs code that it contains.*--trust"):
        import_model(source, {}, lambda _draft: pytest.fail("added"), lambda _text: None)


def test_what_is_missing_is_proposed(tmp_path: Path) -> None:
    source = torchscript(Network(), tmp_path)
    with pytest.raises(BadRequest) as refusal:
        imported(source, tmp_path, intensity="none")
    assert "3D network with 1 input channel and 3 outputs" in str(refusal.value)
    assert "--channels image --labels label1,label2 --intensity" in str(refusal.value)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"intensity": "bright"}, "--intensity is not valid"),
        ({"intensity": "percentile:9:1"}, "the first number must be lower"),
        ({"labels": "a,b", "orientation": "XYZ"}, "--orientation is not valid"),
        ({"activation": "maximum"}, "--activation is not valid"),
        ({"probe_size": "3"}, "--probe-size is not valid"),
    ],
    ids=["intensity", "order", "orientation", "activation", "probe"],
)
def test_options_are_checked(options: dict[str, str], text: str, tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match=text):
        imported(torchscript(Network(), tmp_path), tmp_path, **options)


def test_a_program_whose_code_depends_on_the_size_is_refused(tmp_path: Path) -> None:
    source = scripted(SizedByItsCode(), tmp_path)
    with pytest.raises(BadModel, match="cannot be derived from the network"):
        imported(source, tmp_path, labels="spot")


def test_another_network_is_not_taken_for_rounding(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network, probe = Network().eval(), torch.randn(1, 1, 16, 18, 20)
    export_to_onnx(network, tmp_path / "model.onnx", 1, (16, 16, 16))
    _compare_larger(network, tmp_path / "model.onnx", [probe])
    with torch.no_grad():
        network.last.weight[0, 0] *= 1.01
    with pytest.raises(BadModel, match="differs from the program"):
        _compare_larger(network, tmp_path / "model.onnx", [probe])


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    source = torchscript(Network(), tmp_path)
    with ZipFile(source) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with ZipFile(source, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, b"def broken(" if name.endswith(".py") else content)
    with pytest.raises(BadModel, match="cannot load the file"):
        imported(source, tmp_path, labels="a,b")
