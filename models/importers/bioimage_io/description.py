"""What a description says, whatever its format's version. Torch-free."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["batch", "channel", "space"]


@dataclass(frozen=True, slots=True)
class File:
    """A file that the description names."""

    source: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of a tensor."""

    id: str
    role: Role
    size: int | None = None
    """None: it may vary."""
    spacing_mm: float | None = None
    """Size of a voxel; None: not stated."""
    names: tuple[str, ...] = ()
    """Names of the channels; empty: not stated."""
    halo: int = 0
    """Voxels on each side of an output that its authors would crop."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step before or after the network, in the words of format 0.5."""

    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TensorDescription:
    """The network's only input or output."""

    name: str
    axes: tuple[Axis, ...]
    dtype: str
    steps: tuple[Step, ...]
    """In this order."""
    test: File | None
    """An array in NumPy's format; None: the package has none."""

    def only(self, role: Role) -> Axis:
        """The axis with this role."""
        return next(axis for axis in self.axes if axis.role == role)

    @property
    def spaces(self) -> tuple[Axis, ...]:
        """The spatial axes, in their order."""
        return tuple(axis for axis in self.axes if axis.role == "space")


@dataclass(frozen=True, slots=True)
class Architecture:
    """The code of a network whose weights are a state dict."""

    callable: str
    """Name of the class or function that returns the network."""
    module: str = ""
    """The package to import it from; empty: `file` contains it."""
    file: File | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Weights:
    """One entry of the weights."""

    format: str
    file: File
    further: File | None = None
    """For ONNX: the file with its external data."""
    architecture: Architecture | None = None
    """For a state dict."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far an output may be from the package's test output: `absolute` plus `relative` times the
    expected value, except for `mismatched_ppm` of a million values."""

    relative: float = 1e-3
    absolute: float = 1e-3
    mismatched_ppm: float = 0.0


@dataclass(frozen=True, slots=True)
class Description:
    """A model of BioImage.IO."""

    texts: Mapping[str, str]
    """`title`, `description`, `version` and `licence`, as far as they are stated."""
    input: TensorDescription
    output: TensorDescription
    weights: tuple[Weights, ...]
    tolerances: Mapping[str, Tolerance]
    """By the format of the weights."""
