"""Addresses as clients of MONAI Label write them: with a slash at the end, and without."""

from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import APIRouter

F = TypeVar("F", bound=Callable[..., Any])


def serves(router: APIRouter, method: str, path: str) -> Callable[[F], F]:
    """Serves `path` with and without a slash at its end: the Python client follows no redirect."""

    def add(work: F) -> F:
        for each in (path, f"{path}/"):
            router.add_api_route(each, work, methods=[method], response_model=None)
        return work

    return add
