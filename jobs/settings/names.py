"""Checks the names of environment variables, so that a misspelt setting is not ignored."""

import difflib
from collections.abc import Iterable

from imaging.errors import BadRequest
from jobs.settings import Settings
from jobs.settings.secret import PREFIX, file_variable, is_secret

_OF_TESTS = "TESSERA_TEST_"


def known_variables() -> list[str]:
    """The environment variables of all settings, with those that name files of secrets."""
    fields = Settings.model_fields.items()
    files = [file_variable(name) for name, field in fields if is_secret(field)]
    return [PREFIX + name.upper() for name in Settings.model_fields] + files


def refuse_unknown(variables: Iterable[str]) -> None:
    """Raises BadRequest if one of the names begins with TESSERA_ but is not a setting.

    Names that begin with TESSERA_TEST_ belong to the project's tests.
    """
    known = known_variables()
    unknown = sorted(
        name
        for name in variables
        if name.startswith(PREFIX) and not name.startswith(_OF_TESTS) and name not in known
    )
    if not unknown:
        return
    close = difflib.get_close_matches(unknown[0], known, n=3)
    raise BadRequest(
        f"The environment has unknown settings: {', '.join(unknown)}.",
        expected=f"A setting, such as {' or '.join(close)}." if close else "A setting.",
        hint="Correct the name or remove the variable. The settings reference lists all names.",
    )
