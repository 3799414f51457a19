"""Parts of a description that both formats share. Torch-free."""

from typing import Annotated, Any, TypeVar

from pydantic import AliasPath, BaseModel, ConfigDict, Field

from models.importers.bioimage_io.description import Axis, Role, Tolerance
from models.importers.bioimage_io.refusals import unsupported

LARGEST_RELATIVE = 1e-2
"""The specification allows no more; an output that differs more is another output."""
LARGEST_PPM = 5000
KWARGS = AliasPath("kwargs")
"""What descriptions call arguments; a field of this name would hide pydantic's own."""


class Part(BaseModel):
    """A part of a description; what is not needed is not read."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)


class StatedTolerance(Part):
    """`test_kwargs` of a format of weights, and the base of format 0.5's own tolerances."""

    relative_tolerance: Annotated[float, Field(ge=0, le=LARGEST_RELATIVE)] = 1e-3
    absolute_tolerance: Annotated[float, Field(ge=0)] = 1e-3
    mismatched_elements_per_million: Annotated[float, Field(ge=0, le=LARGEST_PPM)] | None = None
    decimal: int | None = None
    """Of older descriptions: decimals that must be equal."""

    def tolerance(self, mismatched_ppm: float = 0.0) -> Tolerance:
        """`mismatched_ppm`: where it is not stated."""
        if self.decimal is not None:
            return Tolerance(0.0, 1.5 * 10**-self.decimal, 0.0)
        stated = self.mismatched_elements_per_million
        ppm = mismatched_ppm if stated is None else stated
        return Tolerance(self.relative_tolerance, self.absolute_tolerance, ppm)


class ModelTexts(Part):
    """Texts of the description."""

    name: str
    description: str | None = None
    version: str | None = None
    license: str | None = None

    def texts(self) -> dict[str, str]:
        """By the names of the card's fields."""
        stated = {
            "title": self.name,
            "description": self.description,
            "version": self.version,
            "licence": self.license,
        }
        return {field: text for field, text in stated.items() if text}


One = TypeVar("One")


def only(tensors: list[One], kind: str) -> One:
    """The only one; raises BadModel where there are several."""
    if len(tensors) != 1:
        raise unsupported(
            f"The model has {len(tensors)} {kind}s.",
            f"One {kind}, which contains all channels.",
        )
    return tensors[0]


def checked_axes(axes: tuple[Axis, ...], tensor: str) -> tuple[Axis, ...]:
    """The axes; raises BadModel unless they are a batch, channels and two or three of space."""
    roles = [axis.role for axis in axes]
    counts = {role: roles.count(role) for role in ("batch", "channel", "space")}
    if counts["batch"] != 1 or counts["channel"] != 1 or counts["space"] not in (2, 3):
        raise unsupported(
            f"The tensor {tensor} has the axes {', '.join(axis.id for axis in axes)}.",
            "One axis for the batch, one for the channels, and two or three of space.",
        )
    return axes


def role_of(kind: str, tensor: str) -> Role:
    """The role of an axis; raises BadModel for time, instances and what else there is."""
    roles: dict[str, Role] = {"b": "batch", "batch": "batch", "c": "channel", "channel": "channel"}
    roles |= dict.fromkeys(("z", "y", "x", "space"), "space")
    if kind not in roles:
        raise unsupported(
            f"The tensor {tensor} has an axis of the kind {kind}.",
            "Axes for the batch, the channels and space.",
        )
    return roles[kind]


def positive(value: Any) -> int | None:
    """A stated size; None for anything that is no number."""
    return value if isinstance(value, int) and value > 0 else None
