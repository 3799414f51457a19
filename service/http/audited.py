"""The objects of a request that neither its path nor its header Location names."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from jobs.audit.event import AuditObject

OBJECTS = "tessera.audited"
"""Key of a request's scope: a list of kinds and ids."""
UNCHANGED = "tessera.unchanged"
"""Key of a request's scope: True where there was nothing to change."""


class AuditedObjects:
    """Collects objects that a request works on, such as those that its body names."""

    def __init__(self, request: Request) -> None:
        self._scope = request.scope
        self._objects: list[tuple[AuditObject, str]] = request.scope.setdefault(OBJECTS, [])

    def add(self, kind: AuditObject, *ids: str) -> None:
        """Adds objects that exist. Each becomes an event of the audit trail."""
        self._objects += [(kind, one) for one in ids]

    def nothing(self) -> None:
        """The request found nothing to change, and is not recorded: anybody may send it again and
        again."""
        self._scope[UNCHANGED] = True


AuditedDep = Annotated[AuditedObjects, Depends()]
