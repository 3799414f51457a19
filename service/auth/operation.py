"""`requires`: names and checks the permission of an operation that is not an HTTP route.

HTTP routes use `service.http.permissions.Allowed` instead.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from service.auth.permission import Permission
from service.auth.principal import Principal

S = TypeVar("S")
P = ParamSpec("P")
R = TypeVar("R")

_ATTRIBUTE = "__permissions__"

Operation = Callable[Concatenate[S, Principal, P], R]


def requires(permission: Permission) -> Callable[[Operation[S, P, R]], Operation[S, P, R]]:
    """Decorates a method whose first argument is the principal: it needs `permission`.

    The decorated method raises Forbidden if the principal lacks it.
    """

    def decorate(method: Operation[S, P, R]) -> Operation[S, P, R]:
        @wraps(method)
        def checked(self: S, principal: Principal, /, *args: P.args, **kwargs: P.kwargs) -> R:
            principal.require(permission)
            return method(self, principal, *args, **kwargs)

        setattr(checked, _ATTRIBUTE, (*permissions_of(method), permission))
        return checked

    return decorate


def permissions_of(operation: Callable[..., Any]) -> tuple[Permission, ...]:
    """The permissions that decorate an operation; exactly one if the operation is sound."""
    return tuple(getattr(operation, _ATTRIBUTE, ()))
