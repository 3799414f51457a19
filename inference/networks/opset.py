"""Which versions of ONNX's operators ("opsets") ONNX Runtime reads."""

from functools import cache
from pathlib import Path

import onnx
import onnxruntime as ort
from google.protobuf.message import DecodeError
from onnx import TensorProto, helper


def too_new(network: Path) -> tuple[int, int] | None:
    """The opset of an ONNX file and the newest that ONNX Runtime reads; None if it is not newer."""
    try:
        imports = onnx.load(network, load_external_data=False).opset_import
    except (OSError, DecodeError):
        return None
    opset = next((int(one.version) for one in imports if one.domain in ("", "ai.onnx")), 1)
    return None if _reads(opset) else (opset, newest(opset))


def newest(below: int) -> int:
    """The newest opset below this one that ONNX Runtime reads."""
    return next((opset for opset in range(below - 1, 0, -1) if _reads(opset)), 0)


@cache
def _reads(opset: int) -> bool:
    """Whether ONNX Runtime loads a network of one trivial layer in this opset."""
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("x", "y")]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])], "one", ends[:1], ends[1:]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    options = ort.SessionOptions()
    options.log_severity_level = 4
    try:
        ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception:  # noqa: BLE001 - ONNX Runtime's own errors have no common class
        return False
    return True
