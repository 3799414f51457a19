"""The caller's own account."""

from service.auth import Permission
from service.schemas.fields import Wire


class AccountOut(Wire):
    """Who calls, and what the caller may do."""

    reader: str
    """Name under which the caller's reviews are stored; empty without accounts, where each request
    states a name."""
    project: str
    """The project that the caller sees. All lists are of this project alone."""
    permissions: list[Permission]
    """What the caller may do there."""
