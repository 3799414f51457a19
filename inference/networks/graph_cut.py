"""Cuts an OpenVINO network at its first pooling: its own resolution, and everything below it.

    input -> down -> | below: another such network, at half the resolution | -> up -> output
         \\______________________________________________________________________/

A tile of the whole network needs the halo of the deepest layer; a tile of a part needs only the
halo of the part's own few layers.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_POINTWISE = frozenset(
    ("Add", "BatchNormInference", "Clamp", "Elu", "Multiply", "PRelu", "Relu", "Result", "Subtract")
)
"""Layers whose output at a voxel depends on that voxel alone."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Three networks that together compute what the whole network computes."""

    down: Any
    """Image -> input of `below`."""
    below: Any
    """Everything at half the resolution and deeper."""
    up: Any
    """Image, and output of `below` -> output."""
    halo_down: int
    """Voxels of the image that `down` reads beyond those that it pools, on each side."""
    halo_up: int
    """Voxels of either input that `up` reads beyond its output, on each side."""


def cut_network(network: Any) -> Cut | None:
    """None unless the network is a U-Net of local layers with one way down and one way up."""
    depths = _depths(network)
    if depths is None:
        return None
    entries = [node for node in _layers(network) if _halves(node) and depths[_name(node)] == 1]
    ups = [node for node in _layers(network) if _doubles(node) and depths[_name(node)] == 0]
    feeds = {_name(node.input_value(0).get_node()) for node in ups}
    if len(entries) != 1 or len(feeds) != 1:
        return None
    entry, feed = _name(entries[0]), feeds.pop()
    if entry == feed or not _separable(network, entry, feed, depths):
        return None
    halos = _halos(network, depths)
    before = _name(entries[0].input_value(0).get_node())
    last = _name(network.outputs[0].get_node())
    return Cut(
        down=_part(network, entry, {}),
        below=_part(network, feed, {entry: "input"}, whole=False),
        up=_part(network, _name_of_output(network), {feed: "below"}),
        halo_down=halos[before],
        halo_up=halos[last],
    )


def halo_of(network: Any) -> int | None:
    """Voxels that the network reads beyond its output on each side; None if it pools anything."""
    depths = _depths(network)
    if depths is None or set(depths.values()) != {0}:
        return None
    return _halos(network, depths)[_name(network.outputs[0].get_node())]


def _part(network: Any, end: str, cuts: Mapping[str, str], *, whole: bool = True) -> Any:
    """The network up to the layer `end`, with new inputs in place of the layers `cuts`.

    `whole`: the network's own input remains the first input.
    """
    import openvino.opset13 as ops
    from openvino import Model, PartialShape

    copy = network.clone()
    named = {_name(node): node for node in copy.get_ordered_ops()}
    inputs = [*copy.get_parameters()] if whole else []
    for layer, name in cuts.items():
        output = named[layer].output(0)
        shape = output.get_partial_shape()
        free = [-1, shape[1].get_length(), *[-1] * (len(shape) - 2)]
        parameter = ops.parameter(PartialShape(free), output.get_element_type(), name)
        for reader in output.get_target_inputs():
            reader.replace_source_output(parameter.output(0))
        inputs.append(parameter)
    return Model([named[end].output(0)], inputs, "part")


def _name(node: Any) -> str:
    return str(node.get_friendly_name())


def _name_of_output(network: Any) -> str:
    return _name(network.outputs[0].get_node().input_value(0).get_node())


def _layers(network: Any) -> Iterable[Any]:
    return (node for node in network.get_ordered_ops() if node.get_type_name() != "Constant")


def _sources(node: Any) -> list[str]:
    """Layers that the node reads, without weights."""
    values = (node.input_value(port).get_node() for port in range(node.get_input_size()))
    return [_name(value) for value in values if value.get_type_name() != "Constant"]


def _depths(network: Any) -> dict[str, int] | None:
    """How often the image is halved before each layer; None with an unsupported layer."""
    depths: dict[str, int] = {}
    for node in _layers(network):
        kind, sources = node.get_type_name(), _sources(node)
        known = kind in _POINTWISE or _keeps_size(node) or _concatenates(node)
        change = 1 if _halves(node) else -1 if _doubles(node) else 0
        if kind == "Parameter":
            depths[_name(node)] = 0
            continue
        levels = {depths[source] for source in sources}
        if not (known or change) or len(levels) != 1:
            return None
        depths[_name(node)] = levels.pop() + change
    return depths


def _separable(network: Any, entry: str, feed: str, depths: Mapping[str, int]) -> bool:
    """Whether all layers below depend on `entry` alone, and no layer before `entry` on them."""
    named = {_name(node): node for node in _layers(network)}

    def before(end: str, stop: str | None) -> set[str]:
        seen: set[str] = set()
        todo = [end]
        while todo:
            layer = todo.pop()
            if layer not in seen:
                seen.add(layer)
                todo += [] if layer == stop else _sources(named[layer])
        return seen

    own = all(depths[layer] >= 1 for layer in before(feed, entry))
    return own and all(depths[layer] == 0 for layer in before(entry, None) - {entry})


def _halos(network: Any, depths: Mapping[str, int]) -> dict[str, int]:
    """Halo of each layer at the network's own resolution, counting that resolution's layers."""
    halos: dict[str, int] = {}
    for node in _layers(network):
        if depths[_name(node)] == 0:
            own = max((halos.get(source, 0) for source in _sources(node)), default=0)
            halos[_name(node)] = own + _radius(node)
    return halos


def _radius(node: Any) -> int:
    """Voxels that a layer reads to each side; for a transposed convolution, 1."""
    if _doubles(node):
        return 1
    if not _keeps_size(node):
        return 0
    attributes = node.get_attributes()
    return int(max(*attributes["pads_begin"], *attributes["pads_end"]))


def _keeps_size(node: Any) -> bool:
    """A convolution whose padding keeps the size."""
    if node.get_type_name() not in ("Convolution", "GroupConvolution"):
        return False
    attributes = node.get_attributes()
    kernel = node.input_value(1).get_shape()[-len(attributes["strides"]) :]
    spans = [(k - 1) * d for k, d in zip(kernel, attributes["dilations"], strict=True)]
    pads = [a + b for a, b in zip(attributes["pads_begin"], attributes["pads_end"], strict=True)]
    return (
        set(attributes["strides"]) == {1} and attributes["auto_pad"] == "explicit" and spans == pads
    )


def _concatenates(node: Any) -> bool:
    return bool(node.get_type_name() == "Concat" and node.get_attributes()["axis"] == 1)


def _halves(node: Any) -> bool:
    """A pooling of two voxels to one along every axis, without padding."""
    if node.get_type_name() not in ("MaxPool", "AvgPool"):
        return False
    attributes = node.get_attributes()
    twos = set(attributes["strides"]) | set(attributes["kernel"]) == {2}
    return twos and set(attributes.get("dilations", [1])) == {1} and not _padded(attributes)


def _doubles(node: Any) -> bool:
    """A transposed convolution of one voxel to two along every axis."""
    if node.get_type_name() != "ConvolutionBackpropData":
        return False
    attributes = node.get_attributes()
    kernel = node.input_value(1).get_shape()[-len(attributes["strides"]) :]
    twos = set(attributes["strides"]) | set(kernel) == {2}
    return twos and not _padded(attributes) and not any(attributes["output_padding"])


def _padded(attributes: Mapping[str, Any]) -> bool:
    return (
        any(attributes["pads_begin"])
        or any(attributes["pads_end"])
        or attributes["auto_pad"] != "explicit"
    )
