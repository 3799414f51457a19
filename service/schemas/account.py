"""The caller's own account."""

from jobs.browser_session import SignInMethod
from service.auth import Permission
from service.schemas.fields import Wire
from service.schemas.session import ProjectRoleOut


class AccountOut(Wire):
    """Who calls, and what the caller may do."""

    reader: str
    """Name under which the caller's reviews are stored; empty without accounts, where each request
    states a name."""
    project: str
    """The project that the caller sees. All lists are of this project alone."""
    permissions: list[Permission]
    """What the caller may do there."""
    login: str
    """Login name of a user who signed in on the page; empty for any other caller."""
    method: SignInMethod | None
    """How that user signed in; null for any other caller."""
    projects: list[ProjectRoleOut]
    """The projects that the caller may choose, by name; empty without accounts. A key belongs to
    one."""
