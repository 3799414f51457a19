"""The arguments of one step. Torch-free."""

from typing import Any

from imaging.errors import BadModel
from models.importers.bioimage_io.description import Step, TensorDescription
from models.importers.bioimage_io.refusals import damaged, unsupported


class Arguments:
    """Arguments are taken one by one; what is left at the end is refused by name."""

    def __init__(self, step: Step, tensor: TensorDescription) -> None:
        self.step = step
        self.tensor = tensor
        self._left = dict(step.arguments)

    def take(self, name: str, default: Any = None) -> Any:
        """The value as it is stated."""
        return self._left.pop(name, default)

    def number(self, name: str, default: float | None = None) -> float:
        """A number; raises BadModel where it is none, or missing without a default."""
        return self._number(name, self._left.pop(name, default))

    def numbers(self, name: str, default: float | None = None) -> list[float]:
        """A list of numbers; one number is a list of one."""
        value = self._left.pop(name, default)
        return [self._number(name, one) for one in (value if isinstance(value, list) else [value])]

    def _number(self, name: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise damaged(f"{name} of the step {self.step.name} is no number: {value}.")
        return float(value)

    def finish(self) -> None:
        """Raises BadModel where an argument was not taken."""
        if self._left:
            raise self.refusal(f"with the argument {min(self._left)}")

    def refusal(self, why: str = "") -> BadModel:
        """The error for a step that cannot be imported."""
        return unsupported(
            f"The step {self.step.name} of the tensor {self.tensor.name} cannot be imported"
            f"{' ' if why else ''}{why}.",
            "Steps that docs/how-to/import-model.md lists.",
        )
