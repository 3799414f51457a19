"""Descriptions of format 0.5. Torch-free."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from models.importers.bioimage_io.description import (
    Architecture,
    Axis,
    Description,
    File,
    Step,
    TensorDescription,
    Tolerance,
    Weights,
)
from models.importers.bioimage_io.parts import (
    KWARGS,
    ModelTexts,
    Part,
    StatedTolerance,
    checked_axes,
    only,
    positive,
    role_of,
)

_MM = {
    "nanometer": 1e-6, "micrometer": 1e-3, "millimeter": 1.0, "centimeter": 10.0, "meter": 1e3,
    "angstrom": 1e-7, "picometer": 1e-9, "inch": 25.4,
}  # fmt: skip
"""Millimetres of the units in which pixel sizes are stated."""
_TYPED_LAST = ("ensure_dtype", "binarize")
_PPM = 100.0


class _File(Part):
    source: str
    sha256: str | None = None

    @property
    def file(self) -> File:
        return File(self.source, self.sha256)


class _Axis(Part):
    type: str
    id: str | None = None
    size: Any = None
    channel_names: tuple[str, ...] = ()
    unit: str | None = None
    scale: float = 1.0
    halo: int = 0

    def axis(self, tensor: str) -> Axis:
        names = self.channel_names
        size = positive(self.size) or (len(names) or None)
        spacing = self.scale * _MM[self.unit] if self.unit in _MM else None
        name = self.id or ("x" if self.type == "space" else self.type)
        return Axis(name, role_of(self.type, tensor), size, spacing, names, self.halo)


class _Step(Part):
    id: str
    arguments: dict[str, Any] = Field(default_factory=dict, validation_alias=KWARGS)


class _Data(Part):
    type: str | None = None


class _Tensor(Part):
    id: str | None = None
    axes: tuple[_Axis, ...]
    data: _Data | tuple[_Data, ...] = _Data()
    preprocessing: tuple[_Step, ...] = ()
    postprocessing: tuple[_Step, ...] = ()
    test_tensor: _File | None = None

    def described(self, default: str) -> TensorDescription:
        """The tensor; `default`: `input` or `output`, its name where it has none. Raises BadModel
        where it contradicts itself."""
        name = self.id or default
        first = self.data[0] if isinstance(self.data, tuple) else self.data
        dtype = first.type or "float32"
        steps = [Step(one.id, one.arguments) for one in (*self.preprocessing, *self.postprocessing)]
        typed = Step("ensure_dtype", {"dtype": dtype})
        if default == "input" and (not steps or steps[0].name != "ensure_dtype"):
            steps.insert(0, typed)  # as the specification does
        if steps and steps[-1].name not in _TYPED_LAST:
            steps.append(typed)
        axes = checked_axes(tuple(axis.axis(name) for axis in self.axes), name)
        test = None if self.test_tensor is None else self.test_tensor.file
        return TensorDescription(name, axes, dtype, tuple(steps), test)


class _Architecture(Part):
    callable: str
    source: str | None = None
    sha256: str | None = None
    import_from: str = ""
    arguments: dict[str, Any] = Field(default_factory=dict, validation_alias=KWARGS)

    @property
    def described(self) -> Architecture:
        file = None if self.source is None else File(self.source, self.sha256)
        return Architecture(self.callable, self.import_from, file, self.arguments)


class _Weights(_File):
    external_data: _File | None = None
    architecture: _Architecture | None = None

    def described(self, kind: str) -> Weights:
        further = None if self.external_data is None else self.external_data.file
        architecture = None if self.architecture is None else self.architecture.described
        return Weights(kind, self.file, further, architecture)


class _Tolerance(StatedTolerance):
    weights_formats: tuple[str, ...] = ()
    output_ids: tuple[str, ...] | Literal["any_discrete_output", "any_continuous_output"] = ()

    def applies(self, kind: str, output: TensorDescription) -> bool:
        if self.weights_formats and kind not in self.weights_formats:
            return False
        if isinstance(self.output_ids, str):
            continuous = output.dtype.startswith("float")
            return continuous == (self.output_ids == "any_continuous_output")
        return not self.output_ids or output.name in self.output_ids


class _Bioimageio(Part):
    reproducibility_tolerance: tuple[_Tolerance, ...] = ()
    test_kwargs: dict[str, StatedTolerance] = Field(default_factory=dict)


class _Config(Part):
    bioimageio: _Bioimageio = _Bioimageio()


class _Model(ModelTexts):
    inputs: list[_Tensor]
    outputs: list[_Tensor]
    weights: dict[str, _Weights | None]
    config: _Config = _Config()

    def tolerance(self, kind: str, output: TensorDescription) -> Tolerance:
        for stated in self.config.bioimageio.reproducibility_tolerance:
            if stated.applies(kind, output):
                discrete = stated.output_ids == "any_discrete_output"
                return stated.tolerance(10 * _PPM if discrete else _PPM)
        older = self.config.bioimageio.test_kwargs.get(kind)
        return older.tolerance(_PPM) if older else Tolerance(mismatched_ppm=_PPM)


def described(content: Mapping[str, Any]) -> Description:
    """Raises ValidationError where it is not valid, BadModel where it has other axes or tensors."""
    model = _Model.model_validate(content)
    output = only(model.outputs, "output").described("output")
    weights = tuple(one.described(kind) for kind, one in model.weights.items() if one)
    return Description(
        model.texts(),
        only(model.inputs, "input").described("input"),
        output,
        weights,
        {one.format: model.tolerance(one.format, output) for one in weights},
    )
