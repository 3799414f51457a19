"""Options of `tessera models import`: each importer has a subclass with its own. Torch-free."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError

from imaging.errors import BadRequest
from imaging.frozen_model import FrozenModel
from models.card_parts import Name


def _split(value: Any) -> Any:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


Numbers = Annotated[tuple[float, ...], BeforeValidator(_split)]
"""Numbers, separated by commas on the command line."""
Integers = Annotated[tuple[int, ...], BeforeValidator(_split)]
"""Integers, separated by commas on the command line."""
Texts = Annotated[tuple[str, ...], BeforeValidator(_split)]
"""Texts, separated by commas on the command line."""


class ImportOptions(FrozenModel):
    """What every importer takes. A field `some_name` is the option `--some-name`; a `bool` is a
    flag. All have defaults, and the docstring of a field is the help text of its option."""

    name: Name | None = None
    """Name of the model in Tessera. By default it is made from the source."""
    version: str | None = None
    """Version of the model. By default it is what the source states, or 1."""
    title: str | None = None
    """Title of the model in lists. By default it is what the source states."""
    licence: str | None = None
    """Licence of the weights, as an SPDX identifier. By default it is what the source states."""


class TrustOption(ImportOptions):
    """For a source that contains code, such as TorchScript or expressions of Python."""

    trust: bool = Field(default=False)
    """Allow the source to run its own code on this machine. Use it only for sources that you
    would also run as a program."""


def option_name(field: str) -> str:
    """`some_name` -> `--some-name`."""
    return "--" + field.replace("_", "-")


def parse_options(kind: type[ImportOptions], values: dict[str, Any], title: str) -> ImportOptions:
    """The options of an importer called `title`; raises BadRequest, which names the option."""
    unknown = sorted(set(values) - set(kind.model_fields))
    taken = ", ".join(option_name(field) for field in kind.model_fields)
    if unknown:
        raise BadRequest(
            f"{option_name(unknown[0])} does not apply to this source: {title}.",
            expected=f"Options of this kind of source: {taken}.",
            hint="Leave the option out.",
        )
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        fault = error.errors()[0]
        name = option_name(str(fault["loc"][0])) if fault["loc"] else "The options"
        raise BadRequest(
            f"{name} is not valid: {fault['msg']}.",
            expected="A value as `tessera models import --help` describes it.",
            hint="Correct the option.",
        ) from error
