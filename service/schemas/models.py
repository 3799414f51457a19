"""Models, and the health of the service."""

from typing import Any, Literal

from service.schemas.fields import Wire


class LabelOut(Wire):
    value: int
    name: str
    color: str
    """#rrggbb"""


class ModelOut(Wire):
    """What a model's card says; `card` is the whole of it."""

    name: str
    version: str
    title: str
    description: str
    dimension: Literal[2, 3]
    channels: list[str]
    labels: list[LabelOut]
    instances: bool
    """The mask numbers objects instead of bearing label values."""
    exact: bool
    licence: str
    intended_use: str
    card: dict[str, Any]


class Health(Wire):
    status: Literal["ok", "unavailable"]
    parts: dict[str, str] = {}  # noqa: RUF012 - pydantic copies it
    """Part -> `ok` or what is wrong with it."""
