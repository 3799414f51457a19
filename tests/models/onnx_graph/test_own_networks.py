"""Two derivations of the same numbers: from the file, and from the layers of Tessera's U-Nets."""

from dataclasses import replace

import onnx
import pytest

from models.card import ModelCard
from models.nets.onnx_file import to_onnx
from models.nets.receptive_field import receptive_field
from models.nets.unet import UNet
from models.onnx_graph.derive import derive
from models.onnx_graph.network_file import NetworkFile, read_network
from models.registry import ZOO
from tests.models.test_receptive_field import NETWORKS, WHOLE

ZOO_MODELS = sorted(path.parent.name for path in ZOO.glob("*/model.onnx"))


@pytest.mark.slow
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_file_and_the_layers_give_the_same_numbers(name: str, padding: str) -> None:
    config = replace(NETWORKS[name], padding=padding)  # type: ignore[arg-type]
    model, field = onnx.load_from_string(to_onnx(UNet(config).eval())), receptive_field(config)
    facts, axes = derive(NetworkFile(model, "logits")), config.dimension
    assert facts.exact
    assert facts.tiling.padding == field.padding
    assert facts.tiling.halo == (field.halo,) * axes
    assert facts.tiling.align == (field.align,) * axes
    assert facts.tiling.minimum == (field.minimum,) * axes


@pytest.mark.slow
@pytest.mark.parametrize("name", WHOLE)
def test_a_network_that_uses_the_whole_tile_is_not_exact(name: str) -> None:
    model = onnx.load_from_string(to_onnx(UNet(WHOLE[name]).eval()))
    facts = derive(NetworkFile(model, "logits"))
    assert not facts.exact
    assert facts.reason.startswith('ReduceMean "')
    assert "whole tile" in facts.reason


@pytest.mark.parametrize("name", ZOO_MODELS)
def test_a_shipped_card_states_what_is_derived(name: str) -> None:
    card = ModelCard.load(ZOO / name / "card.json")
    facts = derive(read_network(ZOO / name / "model.onnx"))
    assert (facts.dimension, facts.exact, facts.reason) == (card.dimension, card.exact, "")
    assert (facts.in_channels, facts.out_channels) == (card.components, len(card.outputs))
    assert facts.parameters == card.parameters
    for field in ("padding", "halo", "align", "minimum"):
        assert getattr(facts.tiling, field) == getattr(card, field)
