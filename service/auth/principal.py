"""Principal: who acts, in which project, with which permissions."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from imaging.errors import Forbidden
from jobs.account import ProjectRole
from jobs.browser_session import SignInMethod
from service.auth.permission import Permission


@dataclass(frozen=True, slots=True)
class Principal:
    """Who acts. A principal sees and changes only what belongs to its project."""

    name: str
    """Unique in the service; written to logs, so never an e-mail address or a patient's name."""
    project: str
    permissions: frozenset[Permission] = frozenset()
    reader: str = ""
    """The caller's name in reviews; empty: there are no accounts, and requests state the name."""
    login: str = ""
    """Login name of a person who signed in; empty for any other caller."""
    method: SignInMethod | None = None
    """How that person signed in."""
    roles: Mapping[str, ProjectRole] = field(default_factory=dict, hash=False)
    """Project -> role, for each project that the caller may name; empty without accounts."""

    def has(self, permission: Permission) -> bool:
        """Whether the principal may use what needs `permission`."""
        return permission is Permission.PUBLIC or permission in self.permissions

    def require(self, permission: Permission) -> None:
        """Raises Forbidden if the principal lacks `permission`."""
        if not self.has(permission):
            raise Forbidden(
                f"{self.name or 'This caller'} lacks the permission {permission}.",
                expected=f"A caller with the permission {permission}.",
                hint="Ask an administrator of the service for this permission.",
            )


ANONYMOUS = Principal("", "")
"""Who uses public operations: nobody in particular, without a project."""


def other_project() -> Forbidden:
    """The error for a project that is not the caller's, whether it exists or not."""
    return Forbidden(
        "You are not in this project, or there is no such project.",
        expected="One of your projects, which GET /v1/session lists.",
        hint="Choose another project, or ask an administrator of the project.",
    )
