"""A layer of the graph, and the images for which it is traced."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import ceil
from typing import Any

import onnx

from models.onnx_graph.size import Size


class IllegalSize(Exception):
    """No image of these sizes fits the network; along `axis` they must be others."""

    def __init__(self, axis: int, reason: str) -> None:
        super().__init__(reason)
        self.axis, self.reason = axis, reason


class NotDerivable(Exception):
    """The output of a layer cannot be derived; the text says of which one and why."""


@dataclass(frozen=True)
class Node:
    """One layer, with its attributes as plain values."""

    proto: onnx.NodeProto
    opset: int

    @property
    def kind(self) -> str:
        """The operator, such as Conv."""
        return str(self.proto.op_type)

    @cached_property
    def title(self) -> str:
        """How texts name it: the operator, and the name of the layer if it has one."""
        name = self.proto.name or next(iter(self.proto.output), "")
        return f'{self.kind} "{name}"' if name else self.kind

    @cached_property
    def attributes(self) -> Mapping[str, Any]:
        """Attributes by name; texts are str."""
        return {a.name: _plain(onnx.helper.get_attribute_value(a)) for a in self.proto.attribute}

    def get(self, name: str, default: Any) -> Any:
        """The attribute, or `default` where the layer does not state it."""
        return self.attributes.get(name, default)


@dataclass(frozen=True)
class Grid:
    """The legal sizes for which the graph is traced, and what the layers require of them."""

    align: tuple[int, ...]
    residue: tuple[int, ...]
    """For each axis, images of `residue + n * align` voxels are traced."""
    strict: bool = True
    """Whether a layer that scales differently for each size makes the size illegal. Otherwise the
    layer counts as one that uses the whole tile."""
    windows: bool = True
    """Whether windows are traced, or sizes only."""
    least: dict[int, int] = field(default_factory=dict)
    """The smallest n that the layers so far accept, by axis."""

    def require(self, size: Size, least: int, node: Node) -> None:
        """Notes that `size` must be at least `least`; NotDerivable where it never is."""
        if size.axis is None:
            if size.base < least:
                raise NotDerivable(f"{node.title} gets too small an input")
        elif size.slope < 0:
            raise NotDerivable(f"{node.title} has an output that shrinks as the image grows")
        else:
            n = ceil((least - size.base) / size.slope)
            self.least[size.axis] = max(self.least.get(size.axis, 0), n)

    def require_equal(self, one: Size, other: Size, node: Node) -> None:
        """Raises IllegalSize unless both sizes are equal for every traced image."""
        if one == other:
            return
        axis = one.axis if one.axis is not None else other.axis
        reason = f"{node.title} gets inputs whose sizes differ"
        if axis is None:
            raise NotDerivable(reason)
        raise IllegalSize(axis, reason)


def _plain(value: Any) -> Any:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
