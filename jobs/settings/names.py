"""Checks the names of environment variables, so that a misspelt setting is not ignored."""

import difflib
from collections.abc import Iterable

from imaging.errors import BadRequest
from jobs.settings import Settings

_PREFIX = "TESSERA_"
_OF_TESTS = "TESSERA_TEST_"


def refuse_unknown(variables: Iterable[str]) -> None:
    """Raises BadRequest if one of the names begins with TESSERA_ but is not a setting.

    Names that begin with TESSERA_TEST_ belong to the project's tests.
    """
    known = [_PREFIX + field.upper() for field in Settings.model_fields]
    unknown = sorted(
        name
        for name in variables
        if name.startswith(_PREFIX) and not name.startswith(_OF_TESTS) and name not in known
    )
    if not unknown:
        return
    close = difflib.get_close_matches(unknown[0], known, n=3)
    raise BadRequest(
        f"The environment has unknown settings: {', '.join(unknown)}.",
        expected=f"A setting, such as {' or '.join(close)}." if close else "A setting.",
        hint="Correct the name or remove the variable. The settings reference lists all names.",
    )
