"""The file that `routes` names: who the peers are, and what is to be done with what comes."""

import hashlib
import os
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from imaging.errors import BadRequest, NotFound
from imaging.formats.dicom.identity import Identity
from jobs.settings import AE_TITLE
from models.registry import Registry
from service.schemas import Deliverable, Identifier

Pattern = Annotated[str, Field(min_length=1, max_length=200)]
"""As a shell's: `*`, `?`, `[abc]`; upper and lower case are the same."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Peer(_Table):
    """Another system: fetched from and sent to by DICOMweb, or sent to by C-STORE."""

    name: Identifier
    dicomweb: Annotated[str, Field(pattern=r"^https?://[^\s?#]+$")] | None = None
    """The service's root, as http://127.0.0.1:8042/dicom-web."""
    username_env: str | None = None
    """Names of environment variables, not what they hold: the file is no place for secrets."""
    password_env: str | None = None
    host: str | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    ae_title: Annotated[str, Field(pattern=AE_TITLE)] | None = None
    timeout_s: Annotated[float, Field(gt=0, le=3600)] = 30.0

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if len({self.host is None, self.port is None, self.ae_title is None}) != 1:
            raise ValueError("host, port and ae_title go together")
        if self.dicomweb is None and self.host is None:
            raise ValueError("give dicomweb, or host, port and ae_title, or all")
        if (self.username_env is None) != (self.password_env is None):
            raise ValueError("username_env and password_env go together")
        for name in (self.username_env, self.password_env):
            if name is not None and name not in os.environ:
                raise ValueError(f"the environment variable {name} is not set")
        return self

    @property
    def credentials(self) -> tuple[str, str] | None:
        """User and password, or None."""
        if self.username_env is None or self.password_env is None:
            return None
        return os.environ[self.username_env], os.environ[self.password_env]


class Rule(_Table):
    """Which series it is for (all patterns that are given must match), and what becomes of them."""

    calling: Pattern = "*"
    """The sender's AE title."""
    modality: Pattern = "*"
    description: Pattern = "*"
    """SeriesDescription."""
    body_part: Pattern = "*"
    """BodyPartExamined."""
    model: Annotated[str, Field(min_length=1)]
    priority: Annotated[int, Field(ge=0, le=9)] = 5
    to: tuple[Identifier, ...] = ()
    formats: Annotated[tuple[Deliverable, ...], Field(min_length=1)] = ("dicom-seg",)
    deidentify: bool = False
    resample: bool = False

    def matches(self, found: Identity) -> bool:
        """Whether a series, as one of its images tells of it, is this rule's."""
        asked = (
            (self.calling, found.sender),
            (self.modality, found.modality),
            (self.description, found.description),
            (self.body_part, found.body_part),
        )
        return all(fnmatchcase(value.lower(), pattern.lower()) for pattern, value in asked)

    @property
    def digest(self) -> str:
        """The same for the same rule, wherever it stands."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


class Routes(_Table):
    """The whole file."""

    peer: tuple[Peer, ...] = ()
    rule: tuple[Rule, ...] = ()

    @model_validator(mode="after")
    def _known(self) -> Self:
        names = [peer.name for peer in self.peer]
        if len(set(names)) != len(names):
            raise ValueError("every peer needs a name of its own")
        for number, rule in enumerate(self.rule):
            for name in rule.to:
                if name not in names:
                    raise ValueError(f"rule.{number}.to: there is no peer `{name}`")
        return self

    @classmethod
    def load(cls, path: Path | None) -> Self:
        """Reads the file; raises BadRequest that tells line or key of what is wrong in it."""
        if path is None:
            return cls()
        try:
            return cls.model_validate(tomllib.loads(path.read_text("utf-8")))
        except tomllib.TOMLDecodeError as error:
            raise _refusal(f"The file of routes is no TOML: {error}.") from error
        except (OSError, UnicodeDecodeError) as error:
            raise _refusal("The file of routes cannot be read.") from error
        except ValidationError as error:
            raise _refusal(
                f"The file of routes is not sound: {'; '.join(_faults(error))}."
            ) from error

    def check(self, registry: Registry) -> None:
        """Raises BadRequest where a rule's model is not there, or wants several scans."""
        for number, rule in enumerate(self.rule):
            try:
                card = registry.get(rule.model).card
            except NotFound as error:
                raise _refusal(f"rule.{number}.model: there is no such model.") from error
            if len(card.channels) != 1:
                detail = f"rule.{number}.model: it takes {len(card.channels)} scans at once."
                raise _refusal(detail)

    def matching(self, found: Identity) -> list[Rule]:
        """Every rule for a series."""
        return [rule for rule in self.rule if rule.matches(found)]

    def named(self, name: str) -> Peer:
        """The peer of this name; raises NotFound."""
        for peer in self.peer:
            if peer.name == name:
                return peer
        raise NotFound("There is no such peer.", hint="See GET /v1/peers.")


def _faults(error: ValidationError) -> Iterator[str]:
    for fault in error.errors(include_input=False, include_url=False):
        yield f"{'.'.join(map(str, fault['loc'])) or 'file'}: {fault['msg']}"


def _refusal(detail: str) -> BadRequest:
    return BadRequest(
        detail,
        expected="A TOML file of [[peer]] and [[rule]] tables as docs/pacs.md describes.",
        hint="Mend the file that TESSERA_ROUTES names.",
    )
