"""Tables of the routing table that may be for some projects only."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from imaging.errors import BadRequest
from jobs.account import checked_project


def _project(name: str) -> str:
    try:
        return checked_project(name)
    except BadRequest as error:
        raise ValueError(f"{error.detail} Expected: {error.expected}") from error


class ForProjects(BaseModel):
    """What such tables share."""

    model_config = ConfigDict(frozen=True)

    projects: (
        Annotated[tuple[Annotated[str, AfterValidator(_project)], ...], Field(min_length=1)] | None
    ) = None
    """Names of the projects that it is for: to others, it does not exist. None: all projects."""

    def serves(self, project: str) -> bool:
        """Whether it is for the project."""
        return self.projects is None or project in self.projects

    def serves_all_of(self, other: "ForProjects") -> bool:
        """Whether it is for every project that the other one is for."""
        if self.projects is None:
            return True
        return other.projects is not None and set(other.projects) <= set(self.projects)
