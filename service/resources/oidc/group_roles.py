"""The file that says which groups of the provider have which role in which project.

[[role]]
group = "lung-readers"
project = "lung-study"
role = "reader"
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from imaging.errors import BadRequest
from jobs.account import ProjectRole, checked_project


class GroupRole(BaseModel):
    """A `[[role]]` table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    group: Annotated[str, Field(min_length=1, max_length=300)]
    """A value of the claim."""
    project: str
    role: ProjectRole


class GroupRoles(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: tuple[GroupRole, ...] = ()

    @classmethod
    def load(cls, path: Path | None) -> Self:
        """Reads the file; no roles for None. Raises BadRequest."""
        if path is None:
            return cls()
        try:
            roles = cls.model_validate(tomllib.loads(path.read_text("utf-8")))
        except tomllib.TOMLDecodeError as error:
            raise _invalid(f"It is not valid TOML: {error}.") from error
        except (OSError, UnicodeDecodeError) as error:
            raise _invalid("It cannot be read.") from error
        except ValidationError as error:
            faults = error.errors(include_input=False, include_url=False)
            listed = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in faults)
            raise _invalid(f"It is not valid: {listed}.") from error
        for one in roles.role:
            checked_project(one.project)
        return roles

    def of(self, groups: frozenset[str]) -> dict[str, ProjectRole]:
        """Project -> role of somebody in these groups. If several groups have a role in a project,
        the first in the file counts."""
        roles: dict[str, ProjectRole] = {}
        for one in self.role:
            if one.group in groups:
                roles.setdefault(one.project, one.role)
        return roles


def groups_in(claims: Mapping[str, Any], name: str) -> frozenset[str]:
    """The texts of a claim, which may be a list or one text. Dots in its name lead into objects,
    unless there is a claim of the whole name."""
    value: Any = claims.get(name)
    if value is None and "." in name:
        value = claims
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
    values = value if isinstance(value, list) else [value]
    return frozenset(one for one in values if isinstance(one, str))


def are_elsewhere(claims: Mapping[str, Any], name: str) -> bool:
    """Whether the claim is only referred to (OpenID Connect Core 1.0, 5.6.2), as Microsoft Entra ID
    does with more groups than a token has room for."""
    names = claims.get("_claim_names")
    return isinstance(names, dict) and name in names


def _invalid(detail: str) -> BadRequest:
    return BadRequest(
        f"The file that TESSERA_OIDC_GROUPS names cannot be used. {detail}",
        expected="A TOML file of [[role]] tables with group, project and role.",
        hint="Correct the file.",
    )
