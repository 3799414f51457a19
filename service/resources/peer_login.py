"""Keys of a `[[peer]]` table about the login to its DICOMweb.

Secrets are in files or environment variables, which keeps them out of the routing table. They are
read for each request, so that a token may be replaced at any time.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

from imaging.errors import Unavailable


@dataclass(frozen=True, slots=True)
class Login:
    """What a request is authorized with; its representation shows no secret."""

    user: str | None
    """Of basic authentication (RFC 7617); None for a bearer token (RFC 6750)."""
    secret: str = field(repr=False)
    """The password or the token."""


class PeerLogin(BaseModel):
    """Basic authentication, or a bearer token."""

    model_config = ConfigDict(frozen=True)

    username: str | None = None
    username_env: str | None = None
    password_file: Path | None = None
    password_env: str | None = None
    token_file: Path | None = None
    token_env: str | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        user = _at_most_one(self, "username", "username_env")
        password = _at_most_one(self, "password_env", "password_file")
        token = _at_most_one(self, "token_env", "token_file")
        if user != password:
            raise ValueError(
                "a user name (username or username_env) and a password (password_env "
                "or password_file) must be given together"
            )
        if token and user:
            raise ValueError("give a token, or a user name and a password")
        try:
            self.login()
        except Unavailable as error:
            raise ValueError(error.detail) from None
        return self

    @property
    def has_login(self) -> bool:
        """Whether requests are authorized."""
        keys = (self.token_env, self.token_file, self.password_env, self.password_file)
        return any(key is not None for key in keys)

    def login(self) -> Login | None:
        """None without one; raises Unavailable if a file or variable cannot be read now."""
        if self.token_file is not None or self.token_env is not None:
            return Login(None, _secret("token", self.token_env, self.token_file))
        if not self.has_login:
            return None
        user = self.username or _secret("username", self.username_env, None)
        return Login(user, _secret("password", self.password_env, self.password_file))


def _at_most_one(keys: PeerLogin, *names: str) -> bool:
    given = [name for name in names if getattr(keys, name) is not None]
    if len(given) > 1:
        raise ValueError(f"give either {' or '.join(names)}")
    return bool(given)


def _secret(what: str, variable: str | None, file: Path | None) -> str:
    """The first line of the file, or the value of the variable."""
    if file is None:
        text = os.environ.get(str(variable))
        if text is None:
            raise _missing(f"{what}_env", f"the environment variable {variable} is not set")
    else:
        try:
            text = file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise _missing(f"{what}_file", "the file cannot be read") from None
    if not text or not text.isprintable() or (what == "token" and not text.isascii()):
        key = f"{what}_env" if file is None else f"{what}_file"
        raise _missing(key, "the text is empty, has several lines, or is no token")
    return text


def _missing(key: str, problem: str) -> Unavailable:
    return Unavailable(
        f"{key}: {problem}.",
        expected="A secret of one line that the gateway may read.",
        hint=f"Correct the file or the variable that {key} of the peer names.",
    )
