"""The caller's own account: for clients that offer only what the caller may do."""

from typing import Annotated

from service.auth import Permission, Principal
from service.http.permissions import Allowed
from service.http.router import Router
from service.schemas import AccountOut, ProjectRoleOut

router = Router(tags=["service"])


@router.get("/v1/account")
def get_account(
    principal: Annotated[Principal, Allowed(Permission.JOBS_READ)],
) -> AccountOut:
    """The name of the caller in reviews, its project, and its permissions."""
    return AccountOut(
        reader=principal.reader,
        project=principal.project,
        permissions=sorted(principal.permissions),
        login=principal.login,
        method=principal.method,
        projects=[ProjectRoleOut(name=name, role=role) for name, role in principal.roles.items()],
    )
