"""Requests for every route of an application."""

from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI

from service.http.route_permissions import RoutePermissions, route_permissions

_BODIES: dict[str, Any] = {
    "/v1/scans/{scan_id}/masks": {"mask": "x"},
    "/v1/jobs/{job_id}/reviews": {"verdict": "accepted"},
    "/v1/jobs/{job_id}/assignee": {"assignee": "R1"},
    "/v1/jobs/{job_id}/second-reading": {},
    "/v1/jobs/{job_id}/second-reading/unblind": {"reader": "R1"},
    "/v1/jobs/{job_id}/deliveries": {"to": ["archive"]},
    "/v1/users/{login}/membership": {"role": "viewer"},
}
"""A body that a route accepts, by its template, where it needs one."""


@dataclass(frozen=True)
class NamedRoute(RoutePermissions):
    """One route and method, the permissions that it names, and what to send to it."""

    @property
    def body(self) -> Any:
        """A body that the route accepts; None if it needs none."""
        return _BODIES.get(self.path) if self.method in ("POST", "PUT") else None

    @property
    def parameters(self) -> set[str]:
        """The names of the path's parameters."""
        return {part[1:-1] for part in self.path.split("/") if part.startswith("{")}

    def filled(self, **values: str) -> str:
        """The path with values for its parameters; `x` for those that are not given."""
        path = self.path
        for name in self.parameters:
            path = path.replace(f"{{{name}}}", values.get(name, "x"))
        return path


def routes_of(app: FastAPI) -> list[NamedRoute]:
    """Every route of the application, those of included routers too."""
    routes = route_permissions(app)
    return [NamedRoute(route.method, route.path, route.permissions) for route in routes]
