"""The permissions that the routes of an application name."""

from collections.abc import Iterator
from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from service.auth import Permission
from service.http.permissions import required_permissions


@dataclass(frozen=True, slots=True)
class RoutePermissions:
    """One route and method, and the permissions that it names: exactly one if it is sound."""

    method: str
    path: str
    """Its template, such as `/v1/scans/{scan_id}`."""
    permissions: tuple[Permission, ...]


def route_permissions(app: FastAPI) -> Iterator[RoutePermissions]:
    """Every route of the application, those of included routers too.

    Raises TypeError for one of a kind that cannot name a permission, such as a mounted application.
    """
    for context in iter_route_contexts(app.routes):
        if not isinstance(context.original_route, APIRoute):
            raise TypeError(f"{context} cannot name a permission")
        required = required_permissions(context.dependant)
        permissions = tuple(one.permission for one in required)
        for method in sorted(context.methods or ()):
            yield RoutePermissions(method, str(context.path), permissions)
