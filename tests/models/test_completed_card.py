"""Bare ONNX files with a bare card: served, or refused in words that help."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from imaging.errors import BadModel
from inference.networks.reach_probe import proved
from inference.verify import verify
from models.card import ModelCard
from models.completed_card import completed
from models.registry import Model
from tests.support.onnx_files import (
    FREE_2D,
    bare_card,
    bare_folder,
    convolution,
    network,
    node,
    value,
    weights,
)

W3 = {"w": weights(2, 1, 3, 3)}
CONV = node("Conv", "image w", "logits", pads=[1] * 4)


@pytest.fixture
def add(tmp_path: Path) -> Callable[..., tuple[Model, tuple[str, ...]]]:
    """`add(folder)`: completes and verifies; returns the model and the notes."""

    def run(folder: Path, output: str = "") -> tuple[Model, tuple[str, ...]]:
        draft = tmp_path / "draft"
        draft.mkdir()
        notes = completed(folder, draft, proved, output)
        model = Model(ModelCard.load(draft / "card.json"), draft)
        verify(model)
        return model, notes

    return run


def logits_of(model: Model, image: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    session = onnxruntime.InferenceSession(model.verified)
    (port,) = session.get_inputs()
    assert port.type == "tensor(float)"
    (logits,) = session.run(None, {port.name: image})
    return np.asarray(logits)


IMAGE = weights(1, 1, 12, 14, seed=3)


def test_a_bare_network_and_a_bare_card_are_enough(tmp_path: Path, add: Any) -> None:
    model, notes = add(bare_folder(tmp_path / "bare", convolution()))
    assert notes == ()
    assert model.card.halo == (1, 1)
    assert model.network.read_bytes() == (tmp_path / "bare/model.onnx").read_bytes()


def test_files_of_the_sample_travel_with_the_network(tmp_path: Path, add: Any) -> None:
    sample = {"kind": "file", "files": ["sample.png"]}
    folder = bare_folder(tmp_path / "bare", convolution(), sample=sample)
    with pytest.raises(BadModel, match=r"no sample\.png"):
        completed(folder, tmp_path, proved)
    (tmp_path / "secret").write_bytes(b"a key")
    (folder / "sample.png").symlink_to(tmp_path / "secret")
    with pytest.raises(BadModel, match="symbolic link"):
        completed(folder, tmp_path, proved)
    (folder / "sample.png").unlink()
    (folder / "sample.png").write_bytes(b"a picture")
    model, _ = add(folder)
    assert (model.folder / "sample.png").read_bytes() == b"a picture"


def test_the_only_onnx_file_of_a_folder_needs_no_name(tmp_path: Path, add: Any) -> None:
    folder = bare_folder(tmp_path / "bare", convolution())
    (folder / "model.onnx").rename(folder / "best_epoch.onnx")
    assert add(folder)[0].card.halo == (1, 1)


def test_two_onnx_files_need_one_named_model(tmp_path: Path, add: Any) -> None:
    folder = bare_folder(tmp_path / "bare", convolution())
    (folder / "a.onnx").write_bytes((folder / "model.onnx").read_bytes())
    (folder / "model.onnx").rename(folder / "b.onnx")
    with pytest.raises(BadModel, match=r"2 ONNX files, and none is named model\.onnx"):
        add(folder)


# External data


def external(folder: Path, location: str = "model.onnx.data") -> Path:
    """The network with its weights in a file beside it, as PyTorch's exporter writes them."""
    bare_folder(folder, convolution())
    model = onnx.load(folder / "model.onnx")
    onnx.save_model(
        model,
        folder / "model.onnx",
        save_as_external_data=True,
        location=location,
        size_threshold=0,
    )
    return folder


def moved(folder: Path, location: str) -> None:
    """The network's file names another place for its weights."""
    model = onnx.load(folder / "model.onnx", load_external_data=False)
    for entry in model.graph.initializer[0].external_data:
        if entry.key == "location":
            entry.value = location
    (folder / "model.onnx").write_bytes(model.SerializeToString())


def test_external_data_travels_with_the_network(tmp_path: Path, add: Any) -> None:
    """Into its file, which one checksum covers."""
    folder = external(tmp_path / "external")
    assert (folder / "model.onnx.data").stat().st_size == 72
    model, _ = add(folder)
    assert sorted(path.name for path in model.folder.iterdir()) == ["card.json", "model.onnx"]
    (plain,) = onnxruntime.InferenceSession(folder / "model.onnx").run(None, {"image": IMAGE})
    np.testing.assert_array_equal(logits_of(model, IMAGE), plain)
    data = bytearray(model.network.read_bytes())
    place = bytes(data).index(W3["w"].tobytes())
    data[place] ^= 1
    model.network.write_bytes(data)
    with pytest.raises(BadModel, match="SHA-256"):
        _ = Model(model.card, model.folder).verified


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file outside the folder with as many bytes as the weights."""
    path = tmp_path / "secret.bin"
    path.write_bytes(b"\x11" * 72)
    return path


@pytest.mark.parametrize("way", ["absolute", "parent", "link", "linked folder", "missing"])
def test_external_data_outside_the_folder_is_never_opened(
    tmp_path: Path, add: Any, secret: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = external(tmp_path / "external")
    (folder / "model.onnx.data").unlink()
    location = {
        "absolute": str(secret),
        "parent": "../secret.bin",
        "linked folder": "in/secret.bin",
    }
    if way == "link":
        (folder / "model.onnx.data").symlink_to(secret)
    if way == "linked folder":
        (folder / "in").symlink_to(tmp_path)
    moved(folder, location.get(way, "model.onnx.data"))
    opened: list[str] = []
    real_open = os.open

    def noted(path: Any, *args: Any, **kwargs: Any) -> int:
        opened.append(str(path))
        return real_open(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", noted)
    complaint = {
        "link": "symbolic link",
        "linked folder": "symbolic link",
        "missing": "does not exist",
    }
    with pytest.raises(BadModel, match=complaint.get(way, "outside the folder")):
        add(folder)
    assert not any("secret" in path for path in opened)


def test_external_data_that_is_cut_short_is_refused(tmp_path: Path, add: Any) -> None:
    folder = external(tmp_path / "external")
    (folder / "model.onnx.data").write_bytes(b"\0" * 40)
    with pytest.raises(BadModel, match="too short"):
        add(folder)


# Types


@pytest.mark.parametrize("kind", [TensorProto.FLOAT16, TensorProto.DOUBLE])
def test_another_type_of_floats_is_converted_at_the_ends(
    tmp_path: Path, add: Any, kind: int
) -> None:
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    model = network(
        [CONV] if kind == TensorProto.FLOAT16 else [node("Add", "image w", "logits")],
        {"w": (W3["w"] if kind == TensorProto.FLOAT16 else weights(2, 1, 1)).astype(dtype)},
        inputs=[value("image", FREE_2D, kind)],
        outputs=[value("logits", ("n", 2, "r", "c"), kind)],
    )
    stored, _ = add(bare_folder(tmp_path / "typed", model))
    logits = logits_of(stored, IMAGE)
    assert logits.dtype == np.float32
    reference = onnxruntime.InferenceSession(model.SerializeToString())
    (expected,) = reference.run(None, {"image": IMAGE.astype(dtype)})
    np.testing.assert_allclose(logits, expected.astype(np.float32), rtol=1e-2, atol=1e-2)


def test_an_input_of_integers_is_refused_by_name(tmp_path: Path, add: Any) -> None:
    nodes = [
        node("Cast", "image", "floats", to=1),
        node("Conv", "floats w", "logits", pads=[1] * 4),
    ]
    model = network(nodes, W3, inputs=[value("image", FREE_2D, TensorProto.UINT8)])
    with pytest.raises(BadModel, match="input has the type uint8"):
        add(bare_folder(tmp_path / "typed", model))


def test_labels_instead_of_logits_are_refused(tmp_path: Path, add: Any) -> None:
    nodes = [
        node("Conv", "image w", "maps", pads=[1] * 4),
        node("ArgMax", "maps", "logits", axis=1),
    ]
    outputs = [value("logits", ("n", 1, "r", "c"), TensorProto.INT64)]
    with pytest.raises(BadModel, match=r"type int64.*Logits.*argmax"):
        add(bare_folder(tmp_path / "labels", network(nodes, W3, outputs=outputs)))


def quantised(tmp_path: Path, way: str) -> onnx.ModelProto:
    from onnxruntime import quantization

    class Images(quantization.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.rest = iter([{"image": weights(1, 1, 16, 16, seed=n)} for n in range(4)])

        def get_next(self) -> Any:
            return next(self.rest, None)

    plain, out = tmp_path / "plain.onnx", tmp_path / "int8.onnx"
    nodes = [
        node("Conv", "image w", "maps", pads=[1] * 4),
        node("Relu", "maps", "positive"),
        node("Conv", "positive v", "logits", pads=[1] * 4),
    ]
    model = network(nodes, W3 | {"v": weights(2, 2, 3, 3)})
    onnx.save(model, plain)
    if way == "dynamic":
        quantization.quantize_dynamic(plain, out)
    else:
        form = quantization.QuantFormat[way]
        quantization.quantize_static(plain, out, Images(), quant_format=form)
    return onnx.load(out)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("way", ["QDQ", "QOperator"])
def test_a_network_quantised_to_int8_is_served(tmp_path: Path, add: Any, way: str) -> None:
    model, notes = add(bare_folder(tmp_path / "int8", quantised(tmp_path, way)))
    assert (model.card.halo, model.card.exact, notes) == ((2, 2), True, ())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_dynamic_quantisation_is_not_exact_and_named(tmp_path: Path, add: Any) -> None:
    model, (note,) = add(bare_folder(tmp_path / "int8", quantised(tmp_path, "dynamic")))
    assert not model.card.exact
    assert "DynamicQuantizeLinear" in note
    assert "values of the whole tile" in note


# Sizes, operators, weights


@pytest.mark.parametrize(
    ("inputs", "complaint"),
    [
        (("n", 1, 96, 96), r"images of one size alone: 96 x 96\..*dynamic_axes"),
        (("n", 1, "rows", 64), "one size alone: any x 64"),
        ((4, 1, "rows", "columns"), "runs 4 images at a time"),
        (("n", "rows", "columns", 1), r"channels last\..*channels first"),
        ((1, 256, 256, 3), "channels last"),
        (("n", 1, "rows"), "3 dimensions"),
    ],
)
def test_a_shape_that_cannot_be_tiled_is_refused(
    tmp_path: Path, add: Any, inputs: tuple[Any, ...], complaint: str
) -> None:
    model = network([CONV], W3, inputs=[value("image", inputs)])
    with pytest.raises(BadModel, match=complaint):
        add(bare_folder(tmp_path / "shape", model))


def test_a_network_of_one_size_may_run_in_windows_of_it(tmp_path: Path, add: Any) -> None:
    model = network(
        [CONV],
        W3,
        inputs=[value("image", (1, 1, 16, 16))],
        outputs=[value("logits", (1, 2, 16, 16))],
    )
    windows = {"patch": [16, 16], "step_rule": "fixed"}
    stored, _ = add(bare_folder(tmp_path / "windows", model, windows=windows))
    assert not stored.card.exact
    assert stored.card.minimum == (1, 1)


def test_a_custom_operator_is_named(tmp_path: Path, add: Any) -> None:
    custom = helper.make_node("DeformConv", ["image", "w"], ["logits"], "head", domain="my.ops")
    model = network([custom], W3, opsets=[helper.make_opsetid("my.ops", 1)])
    with pytest.raises(BadModel, match=r"layer 'head' is the operator my\.ops\.DeformConv"):
        add(bare_folder(tmp_path / "custom", model))


def test_an_opset_that_is_too_new_names_the_newest(tmp_path: Path, add: Any) -> None:
    model = network([CONV], W3, opset=99)
    with pytest.raises(
        BadModel, match=r"opset 99, which cpu does not read\. .*Opset \d\d or lower"
    ):
        add(bare_folder(tmp_path / "new", model))


@pytest.mark.parametrize("opset", [11, 16, 22, 23, 24])
def test_old_and_new_opsets_are_served(tmp_path: Path, add: Any, opset: int) -> None:
    model, _ = add(bare_folder(tmp_path / "opset", network([CONV], W3, opset=opset)))
    assert model.card.exact


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_named(tmp_path: Path, add: Any, bad: float) -> None:
    kernel = W3["w"].copy()
    kernel[0, 0, 1] = bad
    with pytest.raises(BadModel, match="weights 'w' contain 3 values that are NaN or infinite"):
        add(bare_folder(tmp_path / "nan", network([CONV], {"w": kernel})))


# Inputs and outputs


def two_outputs() -> onnx.ModelProto:
    nodes = [CONV, node("Conv", "image v", "deep", pads=[2] * 4)]
    outputs = [value(name, ("n", 2, "r", "c")) for name in ("logits", "deep")]
    return network(nodes, W3 | {"v": weights(2, 1, 5, 5)}, outputs=outputs)


def test_of_two_outputs_the_first_is_used_with_a_note(tmp_path: Path, add: Any) -> None:
    model, (note,) = add(bare_folder(tmp_path / "two", two_outputs()))
    assert "2 outputs. The first, 'logits', is used. Choose another with --output: deep." in note
    assert model.card.halo == (1, 1)
    stored = onnx.load(model.network)
    assert [one.name for one in stored.graph.output] == ["logits"]
    assert [one.name for one in stored.graph.initializer] == ["w"]


def test_another_output_can_be_chosen(tmp_path: Path, add: Any) -> None:
    model, notes = add(bare_folder(tmp_path / "two", two_outputs()), "deep")
    assert notes == ()
    assert model.card.halo == (2, 2)


def test_an_output_that_does_not_exist_lists_the_outputs(tmp_path: Path, add: Any) -> None:
    with pytest.raises(BadModel, match=r"no output 'x'\. One of: logits, deep"):
        add(bare_folder(tmp_path / "two", two_outputs()), "x")


def test_several_inputs_are_named(tmp_path: Path, add: Any) -> None:
    nodes = [node("Add", "image other", "both"), node("Conv", "both w", "logits", pads=[1] * 4)]
    inputs = [value(name, FREE_2D) for name in ("image", "other")]
    with pytest.raises(BadModel, match="2 inputs: image, other"):
        add(bare_folder(tmp_path / "inputs", network(nodes, W3, inputs=inputs)))


# Cards


def test_a_card_with_placeholders_names_them(tmp_path: Path, add: Any) -> None:
    channels = [{"name": "<name of scan 1>"}]
    folder = bare_folder(tmp_path / "x", convolution(), title="<title>", channels=channels)
    with pytest.raises(BadModel, match=r"placeholders: channels\.0\.name, title\."):
        add(folder)


def test_a_checksum_in_the_card_is_checked(tmp_path: Path, add: Any) -> None:
    with pytest.raises(BadModel, match=r"SHA-256 in its card: 000000000000"):
        add(bare_folder(tmp_path / "x", convolution(), sha256="0" * 64))


@pytest.mark.parametrize("text", ["[]", "{", "null", "[" * 100_000])
def test_a_card_that_is_no_object_is_refused(tmp_path: Path, add: Any, text: str) -> None:
    folder = bare_folder(tmp_path / "x", convolution())
    (folder / "card.json").write_text(text)
    with pytest.raises(BadModel, match=r"card\.json is n"):
        add(folder)


def test_a_folder_without_a_card_says_how_to_get_one(tmp_path: Path, add: Any) -> None:
    folder = bare_folder(tmp_path / "x", convolution())
    (folder / "card.json").unlink()
    with pytest.raises(BadModel, match=r"tessera models describe model\.onnx --card"):
        add(folder)


def test_a_network_that_cannot_be_derived_needs_its_sizes_in_the_card(
    tmp_path: Path, add: Any
) -> None:
    nodes = [
        node("CumSum", "image axis", "sums"),
        node("Conv", "sums w", "logits", pads=[1] * 4),
    ]
    model = network(nodes, W3 | {"axis": np.array(2)})
    with pytest.raises(BadModel, match=r"padding, halo, align, minimum\. CumSum \"the-sums\""):
        add(bare_folder(tmp_path / "x", model))
    (tmp_path / "draft").rmdir()
    sizes = {"padding": "same", "halo": [0, 0], "align": [1, 1], "minimum": [1, 1]}
    stored, (note,) = add(bare_folder(tmp_path / "y", model, **sizes))
    assert not stored.card.exact
    assert "CumSum" in note


def test_the_bare_card_of_these_tests_lacks_what_is_derived() -> None:
    derived = {"dimension", "padding", "halo", "align", "minimum", "exact", "sha256"}
    assert not derived & set(bare_card())
    assert json.dumps(bare_card())


def test_weights_that_are_read_are_those_of_the_file() -> None:
    kernel = numpy_helper.to_array(convolution().graph.initializer[0])
    np.testing.assert_array_equal(kernel, W3["w"])


def test_a_card_may_leave_out_exactly_what_the_card_page_says(tmp_path: Path, add: Any) -> None:
    """What is stored but was not typed."""
    page = Path(__file__).parents[2] / "scripts" / "site" / "card_page.py"
    said = page.read_text().split("may leave out")[1].split(": they are")[0]
    model, _ = add(bare_folder(tmp_path / "bare", convolution()))
    stored = set(json.loads((model.folder / "card.json").read_text()))
    left_out = stored - set(bare_card())
    assert left_out == {word.strip("`") for word in said.replace(",", " ").split() if "`" in word}
