"""A halo that is too short is refused, and the right one named, however little its voxels weigh."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from imaging.errors import BadModel
from inference.networks.reach_probe import proved
from inference.verify import verify
from models.card import ModelCard
from models.completed_card import completed
from models.derived_fields import check_derived_fields
from models.onnx_graph.derive import derive
from models.onnx_graph.facts import GraphFacts
from models.onnx_graph.network_file import NetworkFile, read_network
from models.registry import Model
from tests.support.onnx_files import bare_card, bare_folder, network, node, weights
from tests.support.random_graphs import random_graph

SHORTER = (1, 3, 10)


def card_of(facts: GraphFacts, halo: tuple[int, ...]) -> ModelCard:
    tiling = facts.tiling
    assert tiling is not None
    return ModelCard.model_validate(
        bare_card(
            facts.dimension,
            dimension=facts.dimension,
            padding=tiling.padding,
            halo=halo,
            align=tiling.align,
            minimum=tiling.minimum,
            exact=True,
            sha256="0" * 64,
        )
    )


def assert_shorter_halos_are_refused(seed: int) -> None:
    model = random_graph(seed)
    file = NetworkFile(model, model.graph.output[0].name)
    facts = proved(file, derive(file))
    assert facts.exact, facts.reason
    assert facts.tiling is not None
    halo = facts.tiling.halo
    check_derived_fields(card_of(facts, halo), facts)
    for axis, right in enumerate(halo):
        for less in SHORTER:
            planted = tuple(max(0, n - less) if a == axis else n for a, n in enumerate(halo))
            if planted == halo:
                continue
            with pytest.raises(BadModel) as refused:
                check_derived_fields(card_of(facts, planted), facts)
            assert f"halo {' x '.join(map(str, halo))}" in refused.value.expected
            assert str(right) in refused.value.expected


@pytest.mark.parametrize("seed", range(20))
def test_a_shorter_halo_is_refused_with_the_right_number(seed: int) -> None:
    assert_shorter_halos_are_refused(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20, 200))
def test_the_same_for_many_more(seed: int) -> None:
    assert_shorter_halos_are_refused(seed)


def mesh(faint: float) -> onnx.ModelProto:
    """A chain of dilated convolutions, halo 15, whose outer taps weigh `faint` of the middle."""
    nodes, constants, last = [], {}, "image"
    for n, dilation in enumerate((1, 2, 4, 8)):
        kernel = weights(1, 1, 3, 3, seed=n) * faint
        kernel[:, :, 1, 1] = 1
        constants[f"w{n}"] = kernel
        options = {"pads": [dilation] * 4, "dilations": [dilation] * 2}
        nodes.append(node("Conv", f"{last} w{n}", f"c{n}", **options))
        nodes.append(node("Elu", f"c{n}", f"e{n}"))
        last = f"e{n}"
    constants["head"] = weights(2, 1, 1, 1)
    return network([*nodes, node("Conv", f"{last} head", "logits")], constants)


@pytest.mark.parametrize("halo", [14, 12, 5])
@pytest.mark.parametrize("faint", [1.0, 1e-6], ids=["strong", "faint"])
def test_weights_that_weigh_nothing_hide_no_short_halo(
    tmp_path: Path, faint: float, halo: int
) -> None:
    """With weights of a millionth, no comparison of logits finds that the halo is too short."""
    folder = bare_folder(tmp_path / "planted", mesh(faint), halo=[halo, halo])
    draft = tmp_path / "draft"
    draft.mkdir()
    completed(folder, draft, proved)
    with pytest.raises(BadModel, match=r"The network has halo 15 x 15\."):
        verify(Model(ModelCard.load(draft / "card.json"), draft))


def test_a_card_without_a_halo_gets_the_right_one(tmp_path: Path) -> None:
    draft = tmp_path / "draft"
    draft.mkdir()
    assert completed(bare_folder(tmp_path / "bare", mesh(1e-6)), draft, proved) == ()
    card = ModelCard.load(draft / "card.json")
    assert (card.padding, card.halo, card.align, card.minimum) == ("same", (15, 15), (1, 1), (1, 1))
    assert card.exact
    assert card.parameters == 4 * 9 + 2
    assert json.loads((draft / "card.json").read_text())["sha256"] == card.sha256
    verify(Model(card, draft))


def test_a_probe_that_reads_more_than_derived_withdraws_exact(tmp_path: Path) -> None:
    """As if a rule were wrong: the network has the last word."""
    path = tmp_path / "model.onnx"
    path.write_bytes(mesh(1.0).SerializeToString())
    file = read_network(path)
    facts = derive(file)
    assert facts.tiling is not None
    (window,), others = facts.tiling.reads[0], facts.tiling.reads[1:]
    for first, last in ((1, 0), (0, -1), (-1, 0), (0, 1)):
        moved = window._replace(first=window.first + first, last=window.last + last)
        wrong = replace(facts.tiling, reads=((moved,), *others))
        verdict = proved(file, replace(facts, tiling=wrong))
        assert not verdict.exact
        assert "as derived" in verdict.reason


def test_the_probe_ignores_the_weights() -> None:
    model = mesh(0.0)
    assert not np.any(numpy_helper.to_array(model.graph.initializer[0])[:, :, 0])
    file = NetworkFile(model, "logits")
    assert proved(file, derive(file)).exact
