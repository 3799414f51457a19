"""The base of everything that is read from JSON or TOML."""

from pydantic import BaseModel, ConfigDict


class FrozenModel(BaseModel):
    """Immutable, and refuses unknown fields.

    The docstring below a field is its description in the JSON schema.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
