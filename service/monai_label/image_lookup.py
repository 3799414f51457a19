"""The image that a client names: stored, or fetched from a peer that has it."""

from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import Depends, Request

from imaging.errors import NotFound
from jobs.audit.event import AuditObject
from jobs.stored_scan import StoredScan
from service.auth import Principal
from service.http.audited import AuditedDep
from service.http.dependencies import NamedScansDep, PeerThreadsDep
from service.http.fetch_site import check_not_from_other_site
from service.http.multipart import base_name
from service.http.threads import ANY_PEER, PeerWork


class ImageLookup:
    """Looks in the database, and then in the peers, in which a request may wait."""

    def __init__(
        self,
        request: Request,
        scans: NamedScansDep,
        peers: PeerThreadsDep,
        audited: AuditedDep,
    ) -> None:
        self._request = request
        self._scans, self._peers, self._audited = scans, peers, audited

    async def find(self, principal: Principal, name: str) -> StoredScan:
        """The scan of this name; raises what `NamedScans.find` and `NamedScans.fetch` raise, and
        ForeignOrigin where a page of another site would cause a fetch."""
        scan = await self._find(principal, base_name(name))
        self._audited.add(AuditObject.SCAN, scan.id)
        return scan

    async def _find(self, principal: Principal, known: str) -> StoredScan:
        try:
            return await run_sync(self._scans.find, principal, known)
        except NotFound:
            if not self._scans.may_fetch(principal, known):
                raise
        check_not_from_other_site(self._request)
        return await self._peers.run(ANY_PEER, PeerWork.IMPORT, self._scans.fetch, principal, known)


ImageLookupDep = Annotated[ImageLookup, Depends()]
