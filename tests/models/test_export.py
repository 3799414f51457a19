"""What is exported is what was trained, with a card that its arithmetic wrote."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper
from PIL import Image

from imaging.errors import BadModel
from models.card import ModelCard
from models.card_facts import CardFacts
from models.card_parts import Channel, Intensity, Label
from models.export import check_parity, export, export_network, is_exact
from models.nets.architecture import layers
from models.nets.config import UNetConfig
from models.nets.cost import cost
from models.nets.onnx_file import to_onnx, weights_of
from models.nets.receptive_field import ReceptiveField, receptive_field
from models.nets.unet import UNet
from models.training.train import train

FACTS = CardFacts(
    name="tiny",
    title="Tiny",
    channels=(Channel(name="t1"),),
    labels=(Label(value=1, name="thing", color="#ff0000"),),
    outputs=(0, 1),
    intensity=Intensity(kind="zscore"),
    licence="Apache-2.0",
)

PICTURES = """
[card]
name = "bricks"
title = "Bricks"
channels = [{ name = "image", components = 3 }]
labels = [{ value = 1, name = "brick", color = "#ff0000" }]
outputs = [0, 1, 1]
instances = { seed = 1, rim = 2 }
intensity = { kind = "percentile", lower = 1, upper = 99 }
licence = "Apache-2.0"
[data]
images = "images"
labels = "labels"
target = "instances"
validation = 1
colour_weight = 2
[network]
dimension = 2
in_channels = 3
out_channels = 3
widths = [4, 8]
block = "separable"
bottleneck = "aspp"
skip = "add"
upsampling = "interpolation"
activation = "elu"
[augmentation]
colour = 0.1
[optimisation]
steps = 3
batch = 2
output = [20, 20]
threads = 1
"""


def tiny(**fields: Any) -> UNet:
    """A random network whose batch norms hold other figures than fresh ones."""
    torch.manual_seed(0)
    network = UNet(UNetConfig.of_widths((2, 3), batch_norm=True, **fields))
    for module in network.modules():
        if isinstance(module, (torch.nn.BatchNorm2d, torch.nn.BatchNorm3d)):
            module.running_mean.uniform_(-1, 1)
            module.running_var.uniform_(0.5, 2)
            torch.nn.init.uniform_(module.weight, 0.5, 2)
    return network


def session(network: Path | bytes) -> onnxruntime.InferenceSession:
    found = network if isinstance(network, bytes) else str(network)
    return onnxruntime.InferenceSession(found, providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module", params=["valid 2d", "same 3d"])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    padding, dimension = request.param.split()
    network = tiny(padding=padding, dimension=int(dimension[0]))
    folder = tmp_path_factory.mktemp("exported")
    return network, export_network(network, FACTS, folder, {"dice": 0.91234567}), folder


def test_the_card_is_derived(exported: Any) -> None:
    network, card, folder = exported
    field, axes = receptive_field(network.config), network.config.dimension
    assert card == ModelCard.load(folder / "card.json")
    assert (card.dimension, card.padding, card.exact) == (axes, network.config.padding, True)
    assert (card.halo, card.align) == ((field.halo,) * axes, (field.align,) * axes)
    assert card.minimum == (field.minimum,) * axes
    assert card.parameters == sum(p.numel() for p in network.parameters())
    assert card.bytes_per_voxel == cost(network.config).bytes_per_voxel
    assert card.figures == {"dice": 0.9123}
    assert card.sha256 == sha256((folder / "model.onnx").read_bytes()).hexdigest()


def test_any_legal_size_and_any_batch_gives_torchs_logits(exported: Any) -> None:
    network, card, folder = exported
    field, runtime = receptive_field(network.config), session(folder / "model.onnx")
    for count, steps in ((1, 5), (4, 2)):
        size = [field.minimum + (steps + axis) * field.align for axis in range(card.dimension)]
        image = torch.rand(count, 1, *size)
        with torch.no_grad():
            expected = network.eval()(image).numpy()
        (found,) = runtime.run(["logits"], {"image": image.numpy()})
        assert np.abs(found - expected).max() < 1e-4 * np.ptp(expected)


def test_the_file_is_plain(exported: Any) -> None:
    """One file, one node per layer, crops constant, no trace of the machine it was made on."""
    network, card, folder = exported
    model = onnx.load(folder / "model.onnx", load_external_data=False)
    onnx.checker.check_model(model, full_check=True)
    assert sorted(path.name for path in folder.iterdir()) == ["card.json", "model.onnx"]
    kinds = {"Conv", "BatchNormalization", "Relu", "MaxPool", "ConvTranspose", "Concat"}
    crops = {"Slice"} if card.padding == "valid" else set()
    assert {node.op_type for node in model.graph.node} == kinds | crops
    assert len(model.graph.node) == len(layers(network.config)) - 1
    axes = [dim.dim_param for dim in model.graph.input[0].type.tensor_type.shape.dim]
    assert axes == ["n", "", "i", "j", "k"][: card.dimension + 2]
    written = (folder / "model.onnx").read_bytes()
    for trace in (str(Path(__file__).parents[2]), str(Path.home()), "unet.py", "stack_trace"):
        assert trace.encode() not in written
    assert written == to_onnx(network)


def test_the_weights_come_back_under_their_names(exported: Any) -> None:
    """Bit for bit, so that a training can begin from a model that is served."""
    network, card, folder = exported
    torch.manual_seed(1)
    other = UNet(network.config).eval()
    other.load_state_dict(weights_of(folder / "model.onnx"))
    image = torch.rand(
        1, 1, *(n + step * card.align[0] for n, step in zip(card.minimum, (1, 2, 3), strict=False))
    )
    with torch.no_grad():
        assert torch.equal(other(image), network.eval()(image))


@pytest.mark.parametrize("content", [None, b"", b"no network", b"\x08"])
def test_a_file_without_weights_is_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(BadModel):
        weights_of(tmp_path / "model.onnx")


@pytest.mark.process
def test_a_training_can_be_exported(tmp_path: Path) -> None:
    config, checkpoint = tmp_path / "config.toml", tmp_path / "out" / "best.pt"
    config.write_text(PICTURES)
    random = np.random.default_rng(0)
    for kind in ("images", "labels"):
        (tmp_path / kind).mkdir()
    for name in "abc":
        label = np.zeros((24, 24), np.uint16)
        label[4:12, 6:20], label[12:20, 6:20] = 7, 9
        image = (label > 0) * 120 + random.integers(0, 60, label.shape)
        Image.fromarray(image.astype("u1")).save(tmp_path / "images" / f"{name}.png")
        Image.fromarray(label).save(tmp_path / "labels" / f"{name}.png")
    assert train(config, tmp_path / "out", data=tmp_path) == checkpoint
    card = export(checkpoint, tmp_path / "model")
    state = torch.load(checkpoint, weights_only=True)
    assert card.instances is not None
    assert card.figures["dice"] == pytest.approx(state["figures"]["dice"], abs=1e-4)
    assert session(tmp_path / "model" / "model.onnx").get_outputs()[0].shape[1] == 3


def test_other_weights_are_noticed() -> None:
    network = tiny()
    field = receptive_field(network.config)
    runtime = session(to_onnx(network.eval()))
    check_parity(network, runtime, field)
    with torch.no_grad():
        network.head.bias += 0.01  # type: ignore[operator]
    with pytest.raises(BadModel):
        check_parity(network, runtime, field)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"outputs": (0, 1, 1)}, "outputs"),
        ({"channels": (Channel(name="image", components=3),)}, "input components"),
    ],
)
def test_a_card_that_does_not_fit_is_refused_before_anything_is_written(
    tmp_path: Path, change: dict[str, object], named: str
) -> None:
    with pytest.raises(BadModel, match=named):
        export_network(tiny(), FACTS.model_copy(update=change), tmp_path / "model")
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("content", [None, b"", b"not a checkpoint", {"unet": {}}, [1, 2]])
def test_what_is_no_checkpoint_is_refused(tmp_path: Path, content: object) -> None:
    path = tmp_path / "best.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(BadModel):
        export(path, tmp_path / "model")


def pointwise(*nodes: tuple[str, list[str], str], **attributes: Any) -> bytes:
    """A network of these nodes from `image` to `logits`, both (n, 1, i, j)."""
    both = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 1, a, b])
        for name, a, b in (("image", "i", "j"), ("logits", "x", "y"))
    ]
    made = [
        helper.make_node(kind, inputs, [output], **(attributes if kind == "ReduceMean" else {}))
        for kind, inputs, output in nodes
    ]
    graph = helper.make_graph(made, "test", both[:1], both[1:])
    opset = [helper.make_opsetid("", 17)]
    return bytes(helper.make_model(graph, ir_version=8, opset_imports=opset).SerializeToString())


def test_a_layer_that_looks_at_the_whole_tile_is_not_exact() -> None:
    field = ReceptiveField("same", halo=0, reach=0, align=1, minimum=4)
    local = pointwise(("Relu", ["image"], "logits"))
    whole = pointwise(
        ("ReduceMean", ["image"], "mean"), ("Sub", ["image", "mean"], "logits"), axes=[2, 3]
    )
    assert is_exact(session(local), field)
    assert not is_exact(session(whole), field)


def test_a_halo_too_short_is_not_exact() -> None:
    """A flat network of five convolutions has so short a way that noise reaches its whole halo."""
    network = UNet(UNetConfig.of_widths((4,), convolutions=5, padding="same")).eval()
    field = receptive_field(network.config)
    runtime = session(to_onnx(network))
    assert is_exact(runtime, field)
    assert not is_exact(runtime, replace(field, halo=field.halo - 1))
