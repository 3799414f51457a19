"""Reads a bundle's `$` expressions where they are data; never runs one.

`$[1.5, 1.5, 1.5] if @highres else [3.0, 3.0, 3.0]` is data, `$torch.load(@path)` is code.
"""

import ast
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

REFERENCE = re.compile(r"@(?:\w+)(?:(?:#|::)\w+)*")
"""A reference to another value of the configuration."""
LARGEST = 10_000
"""Characters of an expression, and items of a result."""


class NotData(Exception):
    """The expression is code."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """A name in torch or numpy, such as the type `torch.float32`."""

    module: str
    name: str


DEVICE = Symbol("torch", "device")
"""Any device: networks are made on the processor."""


@dataclass(frozen=True, slots=True)
class TensorOf:
    """A tensor of torch, with the values of an array."""

    array: NDArray[Any]


Load = Callable[[str], Any]
"""Reads a file of `torch.load` as data; raises BadModel where it is missing or is code."""


_OF_LOAD = {"map_location", "weights_only"}
"""Arguments of torch.load that do not change what is read."""
_MODULES = {"torch": "torch", "numpy": "numpy", "np": "numpy"}
_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}


def read_expression(text: str, resolve: Callable[[str], Any], load: Load | None = None) -> Any:
    """The value of `text`, an expression without its `$`; raises NotData where it is code.

    `resolve(item_id)`: the value that the reference `@item_id` stands for. `load`: reads what
    `torch.load` names; None: that is code.
    """
    node, references = parse(text)
    try:
        return _Reader(references, resolve, load).value(node)
    except (ArithmeticError, TypeError, ValueError, LookupError, RecursionError) as error:
        raise NotData(str(error)) from error


def parse(text: str) -> tuple[ast.expr, dict[str, str]]:
    """The syntax tree, and the ids of references by the names that replace them in it."""
    references: dict[str, str] = {}

    def replaced(match: re.Match[str]) -> str:
        name = f"_reference_{len(references)}"
        references[name] = match[0].removeprefix("@")
        return name

    if len(text) > LARGEST:
        raise NotData("it is too long")
    try:
        return ast.parse(REFERENCE.sub(replaced, text).strip(), mode="eval").body, references
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise NotData("it is no expression of Python") from error


@dataclass(frozen=True, slots=True)
class _Reader:
    references: dict[str, str]
    resolve: Callable[[str], Any]
    load: Load | None

    def value(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=value) if isinstance(value, str | int | float | None):
                return value
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                return [self.value(part) for part in parts]
            case ast.Name(id=name) if name in self.references:
                return self.resolve(self.references[name])
            case ast.Attribute(value=ast.Name(id=module), attr=name) if module in _MODULES:
                return Symbol(_MODULES[module], name)
            case ast.UnaryOp(op=op, operand=operand) if type(op) in _UNARY:
                return _UNARY[type(op)](self.value(operand))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
                return self._binary(op, self.value(left), self.value(right))
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARE:
                return _COMPARE[type(op)](self.value(left), self.value(right))
            case ast.IfExp(test=test, body=body, orelse=other):
                return self.value(body if self.value(test) else other)
        return self._compound(node)

    def _compound(self, node: ast.expr) -> Any:
        match node:
            case ast.Call(func=ast.Name(id="len"), args=[part], keywords=[]):
                return len(self.value(part))
            case ast.Call(func=ast.Attribute(value=ast.Name(id="torch"), attr=name), args=[part]):
                return self._of_torch(name, part, {keyword.arg for keyword in node.keywords})
            case ast.Subscript(value=part, slice=ast.Constant(value=str(key))):
                return self._entry(self.value(part), key)
        raise NotData(f"it contains {type(node).__name__}")

    def _of_torch(self, name: str, argument: ast.expr, keywords: set[str | None]) -> Any:
        """A call of torch.load, torch.from_numpy or torch.device."""
        if name == "device" and not keywords:
            return DEVICE
        if name == "from_numpy" and not keywords:
            array = self.value(argument)
            if isinstance(array, np.ndarray):
                return TensorOf(array)
        if name == "load" and self.load is not None and keywords <= _OF_LOAD:
            path = self.value(argument)
            if isinstance(path, str):
                return self.load(path)
        raise NotData(f"it calls torch.{name}")

    @staticmethod
    def _entry(value: Any, key: str) -> Any:
        if not isinstance(value, Mapping):
            raise NotData("it indexes what is no mapping")
        return value[key]

    @staticmethod
    def _binary(op: ast.operator, left: Any, right: Any) -> Any:
        numbers = isinstance(left, int | float) and isinstance(right, int | float)
        if not numbers and not isinstance(op, ast.Add):  # "a" * 10 ** 9 would fill the memory
            raise NotData("it computes with values that are no numbers")
        result = _BINARY[type(op)](left, right)
        if isinstance(result, str | list) and len(result) > LARGEST:
            raise NotData("its result is too large")
        return result
