"""Writes the tables of roles and permissions in the documentation, from the code.

python -P -m scripts.permissions          writes docs/explanation/security.md
"""

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from fastapi import FastAPI

from jobs.account import ProjectRole
from jobs.settings import Settings
from service.app import create_app
from service.auth import Permission, permissions_of
from service.auth.role import PERMISSIONS
from service.dicom.storage_scp import StorageScp
from service.http.route_permissions import route_permissions
from service.monai_label import mount

PAGE = Path(__file__).resolve().parent.parent / "docs" / "explanation" / "security.md"
_BEGIN, _END = "<!-- made from the code by scripts/permissions.py -->", "<!-- end -->"
_OPERATIONS = {
    "echo": "C-ECHO",
    "store": "C-STORE",
    "report_commitment": "N-EVENT-REPORT (storage commitment)",
}
"""Methods of StorageScp by the DICOM operation that they answer."""
_SEGMENT = (
    Permission.MODELS_READ,
    Permission.SCANS_WRITE,
    Permission.JOBS_CREATE,
    Permission.JOBS_READ,
    Permission.JOBS_CANCEL,
    Permission.RESULTS_READ,
)
COMMANDS: Mapping[str, tuple[Permission, ...]] = {
    "tessera segment --server": _SEGMENT,
    "tessera batch --server": _SEGMENT,
    "tessera dataset export --server": (
        Permission.MODELS_READ,
        Permission.SCANS_READ,
        Permission.JOBS_READ,
        Permission.RESULTS_READ,
        Permission.REVIEWS_READ,
    ),
}
"""Commands that call a server, with the permissions of the routes that they use."""


def tables(app: FastAPI) -> str:
    """Both tables in Markdown."""
    return "\n".join([*_roles(), "", *_operations(app)])


def page_with(text: str, made: str) -> str:
    """The page with these tables in their place."""
    place = re.compile(f"{re.escape(_BEGIN)}.*?{re.escape(_END)}", re.DOTALL)
    changed, count = place.subn(lambda _: f"{_BEGIN}\n\n{made}\n\n{_END}", text)
    if count != 1:
        raise ValueError(f"{PAGE.name} needs one place between {_BEGIN} and {_END}.")
    return changed


def needed() -> dict[str, tuple[Permission, ...]]:
    """DICOM operations and commands, each with the permissions that it needs."""
    methods = {name: permissions_of(value) for name, value in vars(StorageScp).items()}
    named = {name: permissions for name, permissions in methods.items() if permissions}
    return {_OPERATIONS[name]: needs for name, needs in named.items()} | dict(COMMANDS)


def _roles() -> Iterator[str]:
    yield f"| permission | {' | '.join(ProjectRole)} |"
    yield f"|---|{':-:|' * len(ProjectRole)}"
    for permission in Permission:
        if permission is not Permission.PUBLIC:
            marks = ("✓" if permission in PERMISSIONS[role] else "" for role in ProjectRole)
            yield f"| `{permission}` | {' | '.join(marks)} |"


def _operations(app: FastAPI) -> Iterator[str]:
    yield "| operation | permission |"
    yield "|---|---|"
    for path, methods, permission in sorted(_routes(app), key=_order):
        yield f"| `{methods} {path}` | {_shown([permission])} |"
    for operation, permissions in needed().items():
        yield f"| `{operation}` | {_shown(permissions)} |"


def _routes(app: FastAPI) -> Iterator[tuple[str, str, Permission]]:
    """Each address with the methods that need the same permission."""
    methods: dict[tuple[str, Permission], set[str]] = {}
    for route in route_permissions(app):
        (permission,) = route.permissions
        key = (route.path.rstrip("/") or "/", permission)
        methods.setdefault(key, set()).add(route.method)
    for (path, permission), names in methods.items():
        yield path, ", ".join(sorted(names)), permission


def _order(route: tuple[str, str, Permission]) -> tuple[bool, str, str]:
    path, methods, _ = route
    return path.startswith(mount.PREFIX), path, methods


def _shown(permissions: Iterable[Permission]) -> str:
    return ", ".join("none" if p is Permission.PUBLIC else f"`{p}`" for p in permissions)


def main() -> None:
    """Writes the page."""
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(Settings(data=Path(folder)))
        PAGE.write_text(page_with(PAGE.read_text(), tables(app)))


if __name__ == "__main__":
    main()
