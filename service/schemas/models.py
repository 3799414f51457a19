"""Models, and the health of the service."""

from typing import Any, Literal

from models.doubt import DoubtKind
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


class DoubtOut(Wire):
    """A reason why a mask may be wrong."""

    kind: DoubtKind
    text: str


class ModelFitOut(Wire):
    """How a scan fits a model."""

    model: str
    """Name of the model."""
    channel: str
    """The model's channel that the scan fits best."""
    doubts: list[DoubtOut]
    """Why the model's mask of the scan may be wrong; empty if nothing is known against it."""
    matches: list[DoubtKind]
    """In what the scan is like the model's training scans."""
    unknown: list[DoubtKind]
    """What the model's card states of its training scans, and the scan does not show."""


class Health(Wire):
    """Whether the service can serve."""

    status: Literal["ok", "unavailable"]
    parts: dict[str, str] = {}  # noqa: RUF012 - pydantic copies it
    """Part -> `ok`, or what is wrong with it."""


class Ready(Health):
    """Whether the service can serve, and who serves."""

    version: str = ""
    """Of this gateway; empty for a caller who may not read jobs."""
    workers: dict[str, int] = {}  # noqa: RUF012 - pydantic copies it
    """Version -> its running workers. There are several versions during a rolling update.
    Empty for a caller who may not read jobs."""
