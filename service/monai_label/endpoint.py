"""Endpoints at the addresses that MONAI Label's clients use, with and without a final slash."""

from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import APIRouter

F = TypeVar("F", bound=Callable[..., Any])


def endpoint(router: APIRouter, method: str, path: str, *dependencies: Any) -> Callable[[F], F]:
    """Serves `path` with and without a final slash: the Python client follows no redirects."""

    def add(function: F) -> F:
        for address in (path, f"{path}/"):
            router.add_api_route(
                address, function, methods=[method], response_model=None, dependencies=dependencies
            )
        return function

    return add
