"""JSON as dataclasses, by their type hints; members that a dataclass does not know are ignored."""

import dataclasses
import types
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


class NotDecodable(ValueError):
    """The JSON does not have the structure of the type."""


def decode(kind: type[T], value: object) -> T:
    """The JSON `value` as a `kind`; raises NotDecodable."""
    decoded: T = _decoded(kind, value)
    return decoded


def encode(value: Any) -> dict[str, Any]:
    """A dataclass as a JSON object, without the members that have their default."""
    members: dict[str, Any] = {}
    for field in dataclasses.fields(value):
        member = getattr(value, field.name)
        if member != field.default:
            members[field.name] = encode(member) if dataclasses.is_dataclass(member) else member
    return members


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _decoded(kind: Any, value: Any) -> Any:
    if kind is Any:
        return value
    if dataclasses.is_dataclass(kind):
        return _object(kind, value)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _optional(arguments, value)
    if origin is Literal:
        return _checked(value in arguments, kind, value)
    if origin is tuple:
        _checked(isinstance(value, list), kind, value)
        return tuple(_decoded(arguments[0], item) for item in value)
    if origin is dict:
        _checked(isinstance(value, dict), kind, value)
        return {str(key): _decoded(arguments[1], item) for key, item in value.items()}
    return _scalar(kind, value)


def _object(kind: Any, value: Any) -> Any:
    if not isinstance(value, Mapping):
        raise NotDecodable(f"{kind.__name__} is not a JSON object")
    known = {}
    for field in dataclasses.fields(kind):
        if field.name in value:
            known[field.name] = _decoded(_hints(kind)[field.name], value[field.name])
        elif field.default is dataclasses.MISSING:
            raise NotDecodable(f"{kind.__name__} has no member {field.name}")
    return kind(**known)


def _optional(arguments: tuple[Any, ...], value: Any) -> Any:
    """`X | None`; no other union is used."""
    if value is None:
        return None
    return _decoded(next(one for one in arguments if one is not type(None)), value)


def _scalar(kind: Any, value: Any) -> Any:
    if kind is datetime:
        try:
            return datetime.fromisoformat(value)
        except (TypeError, ValueError) as error:
            raise NotDecodable("a time is not one of ISO 8601") from error
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    valid = isinstance(value, kind) and isinstance(value, bool) == (kind is bool)
    return _checked(valid, kind, value)


def _checked(valid: bool, kind: Any, value: T) -> T:
    if not valid:
        raise NotDecodable(f"a value is not of the type {kind}")
    return value
