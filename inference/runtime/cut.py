"""An OpenVINO network cut at its first pooling: its own resolution apart from all that lies below.

    input -> down -> | below: another such network, at half the resolution | -> up -> output
         \\______________________________________________________________________/

Whole, a tile needs the halo of the deepest layer; each part needs only that of its own few layers.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_POINTWISE = frozenset(
    ("Add", "BatchNormInference", "Elu", "Multiply", "PRelu", "Relu", "Result", "Subtract")
)
"""Layers whose output at a voxel depends on that voxel alone."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Three networks that, one after the other, give what the one gave."""

    down: Any
    """Input -> input of `below`."""
    below: Any
    """At half the resolution."""
    up: Any
    """Input, and output of `below` -> output."""
    reach_down: int
    """How many voxels of the input `down` reads beyond those that it pools, on each side."""
    reach_up: int
    """How many voxels, of either input, `up` reads beyond its output, on each side."""


def cut(network: Any) -> Cut | None:
    """None where the network is no U-Net of local layers with one way down and one way up."""
    depths = _depths(network)
    if depths is None:
        return None
    entries = [node for node in _layers(network) if _pools(node) and depths[_name(node)] == 1]
    ups = [node for node in _layers(network) if _unpools(node) and depths[_name(node)] == 0]
    feeds = {_name(node.input_value(0).get_node()) for node in ups}
    if len(entries) != 1 or len(feeds) != 1:
        return None
    entry, feed = _name(entries[0]), feeds.pop()
    if entry == feed or not _apart(network, entry, feed, depths):
        return None
    reaches = _reach(network, depths)
    before = _name(entries[0].input_value(0).get_node())
    last = _name(network.outputs[0].get_node())
    return Cut(
        down=_part(network, entry, {}),
        below=_part(network, feed, {entry: "input"}, whole=False),
        up=_part(network, _name_of_output(network), {feed: "below"}),
        reach_down=reaches[before],
        reach_up=reaches[last],
    )


def reach(network: Any) -> int | None:
    """How far an output voxel reads to each side, in a network that pools nothing; else None."""
    depths = _depths(network)
    if depths is None or set(depths.values()) != {0}:
        return None
    return _reach(network, depths)[_name(network.outputs[0].get_node())]


def _part(network: Any, end: str, cuts: Mapping[str, str], *, whole: bool = True) -> Any:
    """The network up to the layer `end`, with new inputs where the layers `cuts` stood.

    `whole`: its own input stays the first.
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
        instead = ops.parameter(PartialShape(free), output.get_element_type(), name)
        for reader in output.get_target_inputs():
            reader.replace_source_output(instead.output(0))
        inputs.append(instead)
    return Model([named[end].output(0)], inputs, "part")


def _name(node: Any) -> str:
    return str(node.get_friendly_name())


def _name_of_output(network: Any) -> str:
    return _name(network.outputs[0].get_node().input_value(0).get_node())


def _layers(network: Any) -> Iterable[Any]:
    return (node for node in network.get_ordered_ops() if node.get_type_name() != "Constant")


def _sources(node: Any) -> list[str]:
    """Layers whose output comes in, weights left out."""
    values = (node.input_value(port).get_node() for port in range(node.get_input_size()))
    return [_name(value) for value in values if value.get_type_name() != "Constant"]


def _depths(network: Any) -> dict[str, int] | None:
    """How often the input was halved at each layer; None with a layer that is not known here."""
    depths: dict[str, int] = {}
    for node in _layers(network):
        kind, sources = node.get_type_name(), _sources(node)
        known = kind in _POINTWISE or _keeps(node) or _joins(node)
        change = 1 if _pools(node) else -1 if _unpools(node) else 0
        if kind == "Parameter":
            depths[_name(node)] = 0
            continue
        levels = {depths[source] for source in sources}
        if not (known or change) or len(levels) != 1:
            return None
        depths[_name(node)] = levels.pop() + change
    return depths


def _apart(network: Any, entry: str, feed: str, depths: Mapping[str, int]) -> bool:
    """Whether all that lies below comes from `entry`, and nothing before that from below."""
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


def _reach(network: Any, depths: Mapping[str, int]) -> dict[str, int]:
    """How far each layer of the network's own resolution reads, within that resolution."""
    found: dict[str, int] = {}
    for node in _layers(network):
        if depths[_name(node)] == 0:
            own = max((found.get(source, 0) for source in _sources(node)), default=0)
            found[_name(node)] = own + _radius(node)
    return found


def _radius(node: Any) -> int:
    """Voxels that a layer reads to each side; of two voxels made of one, the other."""
    if _unpools(node):
        return 1
    if not _keeps(node):
        return 0
    told = node.get_attributes()
    return int(max(*told["pads_begin"], *told["pads_end"]))


def _keeps(node: Any) -> bool:
    """A convolution whose padding leaves the size as it is."""
    if node.get_type_name() not in ("Convolution", "GroupConvolution"):
        return False
    told = node.get_attributes()
    kernel = node.input_value(1).get_shape()[-len(told["strides"]) :]
    spans = [(k - 1) * d for k, d in zip(kernel, told["dilations"], strict=True)]
    pads = [a + b for a, b in zip(told["pads_begin"], told["pads_end"], strict=True)]
    return set(told["strides"]) == {1} and told["auto_pad"] == "explicit" and spans == pads


def _joins(node: Any) -> bool:
    return bool(node.get_type_name() == "Concat" and node.get_attributes()["axis"] == 1)


def _pools(node: Any) -> bool:
    """Two voxels to one, along every axis, without padding."""
    if node.get_type_name() not in ("MaxPool", "AvgPool"):
        return False
    told = node.get_attributes()
    twos = set(told["strides"]) | set(told["kernel"]) == {2}
    return twos and set(told.get("dilations", [1])) == {1} and not _padded(told)


def _unpools(node: Any) -> bool:
    """One voxel to two, along every axis."""
    if node.get_type_name() != "ConvolutionBackpropData":
        return False
    told = node.get_attributes()
    kernel = node.input_value(1).get_shape()[-len(told["strides"]) :]
    twos = set(told["strides"]) | set(kernel) == {2}
    return twos and not _padded(told) and not any(told["output_padding"])


def _padded(told: Mapping[str, Any]) -> bool:
    return any(told["pads_begin"]) or any(told["pads_end"]) or told["auto_pad"] != "explicit"
