"""Secret settings: each can also be read from a file, so that it is in no environment.

`TESSERA_AUDIT_KEY_FILE=/run/secrets/audit_key` sets `audit_key` to the text of the file.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from imaging.errors import BadRequest

PREFIX = "TESSERA_"
FILE_ENDING = "_FILE"
_MARK = "secret: may be in a file"

Secret = Annotated[str, Field(repr=False), _MARK]
"""Text that is not printed with the settings."""


def is_secret(field: FieldInfo) -> bool:
    """Whether a setting can be read from a file."""
    return _MARK in field.metadata


def file_variable(name: str) -> str:
    """The variable with the path of the file: `audit_key` -> `TESSERA_AUDIT_KEY_FILE`."""
    return f"{PREFIX}{name.upper()}{FILE_ENDING}"


class SecretFiles(PydanticBaseSettingsSource):
    """Reads secret settings from the files that `TESSERA_..._FILE` name."""

    def __init__(
        self, settings: type[BaseSettings], variables: Mapping[str, str] = os.environ
    ) -> None:
        super().__init__(settings)
        self._variables = variables

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The text of the file without surrounding white space; None: no file is named.

        Raises BadRequest if the setting has a value, too, or the file cannot be read.
        """
        variable = file_variable(field_name)
        path = self._variables.get(variable, "") if is_secret(field) else ""
        if not path:
            return None, field_name, False
        if self._variables.get(variable.removesuffix(FILE_ENDING)):
            raise BadRequest(
                f"Both {variable.removesuffix(FILE_ENDING)} and {variable} are set.",
                expected="One of them.",
                hint="Remove the variable that is not the right one.",
            )
        return _text(variable, Path(path)), field_name, False

    def __call__(self) -> dict[str, Any]:
        """The settings that files give."""
        fields = self.settings_cls.model_fields.items()
        values = {name: self.get_field_value(field, name)[0] for name, field in fields}
        return {name: value for name, value in values.items() if value is not None}


def _text(variable: str, path: Path) -> str:
    try:
        text = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise BadRequest(
            f"The file of {variable} cannot be read: {reason}.",
            expected="A text file with the secret, which the user of Tessera may read.",
            hint=f"Correct the path {path}, or the permissions of the file.",
        ) from error
    if not text:
        raise BadRequest(
            f"The file of {variable} is empty.",
            expected="A text file with the secret.",
            hint=f"Write the secret into {path}.",
        )
    return text
