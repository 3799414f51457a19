"""Which passwords people may choose: long ones of any characters that nobody guesses soon.

They follow NIST SP 800-63B-4, 3.1.1.2.
"""

import re
import unicodedata
from collections.abc import Sequence

from imaging.errors import BadRequest

MIN_LENGTH, MAX_LENGTH = 15, 1000
"""In characters (code points)."""
_MIN_GUESSES = 1e9
"""A guesser of usual passwords, names and patterns needs more attempts than that."""
_MARKS = re.compile(r"[\W_]+")
_ESTIMATED = 72
"""Characters that are estimated: the time grows with the square of the length."""


class WeakPassword(BadRequest):
    """The password is too short, too long or easy to guess."""


def normalized(password: str) -> str:
    """The same characters in one form, however the keyboard composes them."""
    return unicodedata.normalize("NFKC", password)


def check_new_password(password: str, *known: str) -> None:
    """Raises WeakPassword for a password that is too short, too long or easy to guess.

    `known`: what everybody knows of the person, such as the login name.
    """
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise WeakPassword(
            f"The password has {len(password):,} characters.",
            expected=f"{MIN_LENGTH} to {MAX_LENGTH:,} characters, such as four words.",
            hint="Choose another password.",
        )
    if _guesses(password, known) < _MIN_GUESSES:
        raise WeakPassword(
            "The password is easy to guess: it is made of usual words, a name, or a pattern.",
            expected="Several words that have nothing to do with each other, or random characters.",
            hint="Choose another password.",
        )


def _guesses(password: str, known: Sequence[str]) -> float:
    """How many attempts a guesser needs, who also tries words with marks between them."""
    from zxcvbn import zxcvbn  # type: ignore[import-untyped]  # loads lists of words

    words = [word for text in ("tessera", *known) for word in (text, *text.split())]
    forms = {form[:_ESTIMATED] for form in (password, _MARKS.sub("", password)) if form}
    return min(float(zxcvbn(form, user_inputs=words)["guesses"]) for form in forms)
