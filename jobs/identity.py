"""People as an OpenID provider knows them. Times are seconds since the epoch."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from jobs.account import Person, ProjectRole

_LONGEST_LOGIN = 63
_MARK_LENGTH = 8


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a provider says somebody is. The pair is unique and never given to somebody else (OpenID
    Connect Core 1.0, 2 and 5.7); names and e-mail addresses are neither."""

    issuer: str
    subject: str

    @property
    def mark(self) -> str:
        """A few characters that follow from the pair, to tell people of one login name apart."""
        text = f"{self.issuer}\0{self.subject}"
        return hashlib.sha256(text.encode()).hexdigest()[:_MARK_LENGTH]


@dataclass(frozen=True, slots=True)
class Access:
    """A person, and what the person is in each project."""

    person: Person
    roles: Mapping[str, ProjectRole]
    """By the names of the projects."""


def login_from(text: str) -> str:
    """A login name that is like a text, such as `r1` for `R1@example.org`; empty if none is."""
    plain = re.sub(r"[^a-z0-9._-]+", "-", text.partition("@")[0].strip().lower())
    return plain.strip("._-")[:_LONGEST_LOGIN]


def marked_login(login: str, mark: str) -> str:
    """The login name with a mark at its end."""
    return f"{login[: _LONGEST_LOGIN - 1 - len(mark)]}-{mark}"
