"""The table of roles: what each may do in its project."""

from collections.abc import Iterable, Mapping

from jobs.account import FIRST_PROJECT, ProjectRole
from service.auth.permission import Permission

_VIEWER = frozenset(
    {
        Permission.SCANS_READ,
        Permission.JOBS_READ,
        Permission.RESULTS_READ,
        Permission.REVIEWS_READ,
        Permission.MODELS_READ,
        Permission.DELIVERIES_READ,
    }
)
_UPLOADER = frozenset(
    {
        Permission.SCANS_WRITE,
        Permission.JOBS_CREATE,
        Permission.JOBS_CANCEL,
        Permission.JOBS_READ,
        Permission.RESULTS_READ,
        Permission.MODELS_READ,
    }
)
_READER = _VIEWER | _UPLOADER | {Permission.REVIEWS_WRITE, Permission.JOBS_ASSIGN}
_OPERATOR = (
    _VIEWER
    | _UPLOADER
    | {
        Permission.SCANS_DELETE,
        Permission.JOBS_ASSIGN,
        Permission.READINGS_MANAGE,
        Permission.ARCHIVES_SEARCH,
        Permission.ARCHIVES_PULL,
        Permission.DELIVERIES_WRITE,
        Permission.WEBHOOKS_READ,
        Permission.WEBHOOKS_WRITE,
        Permission.SERVICE_METRICS,
        Permission.SERVICE_LOGS,
    }
)

PERMISSIONS: Mapping[ProjectRole, frozenset[Permission]] = {
    ProjectRole.VIEWER: _VIEWER,
    ProjectRole.UPLOADER: _UPLOADER,
    ProjectRole.READER: _READER,
    ProjectRole.OPERATOR: _OPERATOR,
    ProjectRole.ADMINISTRATOR: frozenset(Permission) - {Permission.PUBLIC},
}
"""What each role may do. `Permission.PUBLIC` needs no role."""

SERVICE_WIDE = frozenset({Permission.SERVICE_METRICS, Permission.SERVICE_LOGS})
"""They show all projects together, so only roles in the first project have them."""


def permissions_in(project: str, roles: Iterable[ProjectRole]) -> frozenset[Permission]:
    """What all these roles of one caller allow in the project."""
    allowed = frozenset(Permission).intersection(*(PERMISSIONS[role] for role in roles))
    return allowed if project == FIRST_PROJECT else allowed - SERVICE_WIDE
