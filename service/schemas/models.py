"""Models, and the health of the service."""

from typing import Any, Literal

from service.schemas.fields import Wire


class LabelOut(Wire):
    """A label of a model's masks."""

    value: int
    name: str
    color: str
    """#rrggbb"""


class ModelOut(Wire):
    """A model's main facts; `card` is its complete card."""

    name: str
    version: str
    title: str
    description: str
    dimension: Literal[2, 3]
    channels: list[str]
    labels: list[LabelOut]
    instances: bool
    """Whether the mask holds object numbers instead of label values."""
    exact: bool
    licence: str
    intended_use: str
    card: dict[str, Any]


class Health(Wire):
    """Whether the service can serve."""

    status: Literal["ok", "unavailable"]
    parts: dict[str, str] = {}  # noqa: RUF012 - pydantic copies it
    """Part -> `ok`, or what is wrong with it."""


class Ready(Health):
    """Whether the service can serve, and who serves."""

    version: str = ""
    """Of this gateway."""
    workers: dict[str, int] = {}  # noqa: RUF012 - pydantic copies it
    """Version -> its running workers. There are several versions during a rolling update."""
