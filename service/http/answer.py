"""What is recorded of an answered request."""

from dataclasses import dataclass
from typing import Self

from starlette.types import Scope

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


@dataclass(frozen=True, slots=True)
class Answer:
    """An answered request, without anything of its content."""

    method: str
    route: str
    """The route's template."""
    status: int
    """0: there was no answer."""
    seconds: float
    job: str | None
    """Id of the job in the path."""

    @classmethod
    def of(cls, scope: Scope, status: int, seconds: float) -> Self:
        """The facts of a request after it was routed."""
        route = getattr(scope.get("route"), "path", "unknown")
        method = scope["method"] if scope["method"] in METHODS else "other"
        job = scope.get("path_params", {}).get("job_id") if status < 400 else None
        return cls(method, route, status, seconds, job)
