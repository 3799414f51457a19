"""Writes a MeshNet as ONNX: one node for each layer."""

from pathlib import Path

from models.importers.meshnet.layers import Activation, Convolution, Layers, Norm, convolutions
from models.importers.onnx_chain import OnnxChain

_OPSET = 20
"""The first with Gelu."""
_NODES = {"elu": "Elu", "relu": "Relu", "gelu": "Gelu", "sigmoid": "Sigmoid"}


def write_onnx(layers: Layers, path: Path) -> None:
    """Writes the network to `path`."""
    graph = OnnxChain(_OPSET)
    for index, layer in enumerate(layers):
        if isinstance(layer, Convolution):
            _convolution(graph, layer, f"conv_{index}")
        elif isinstance(layer, Norm):
            _norm(graph, layer, f"norm_{index}")
        elif isinstance(layer, Activation):
            graph.node(_NODES[layer.function], f"activation_{index}")
    chain = convolutions(layers)
    graph.save(path, chain[0].weight.shape[1], len(chain[-1].weight))


def _convolution(graph: OnnxChain, layer: Convolution, name: str) -> None:
    weights = [
        graph.constant(f"{name}.weight", layer.weight),
        graph.constant(f"{name}.bias", layer.bias),
    ]
    graph.node(
        "Conv",
        name,
        weights,
        kernel_shape=list(layer.weight.shape[2:]),
        pads=[*layer.radius, *layer.radius],
        dilations=list(layer.dilation),
    )


def _norm(graph: OnnxChain, layer: Norm, name: str) -> None:
    arrays = {
        "scale": layer.scale, "offset": layer.offset, "mean": layer.mean, "variance": layer.variance
    }  # fmt: skip
    weights = [graph.constant(f"{name}.{part}", values) for part, values in arrays.items()]
    graph.node("BatchNormalization", name, weights, epsilon=layer.epsilon)
