"""The next image to label: one without a final label."""

from time import time
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import Request

from imaging.errors import NotFound
from jobs.repository import ImageNames, Labels
from service.auth import Permission, Principal
from service.http.permissions import Allowed
from service.http.router import Router
from service.monai_label.datastore import ImageNamesDep, LabelsDep
from service.monai_label.endpoint import endpoint
from service.monai_label.images import file_name

router = Router()

STRATEGIES = {
    "first": {"description": "The oldest image without a final label"},
    "random": {"description": "Any image without a final label"},
}


@endpoint(router, "POST", "/activelearning/{strategy}")
async def next_sample(
    strategy: str,
    request: Request,
    labels: LabelsDep,
    names: ImageNamesDep,
    principal: Annotated[Principal, Allowed(Permission.SCANS_READ)],
) -> dict[str, Any]:
    """An image without a final label; {} if there is none. The request's body is ignored."""
    async for _ in request.stream():
        pass
    if strategy not in STRATEGIES:
        raise NotFound(
            "There is no strategy of this name.",
            expected=f"One of: {', '.join(STRATEGIES)}.",
            hint="Choose one of them in the client.",
        )
    return await run_sync(_next, labels, names, principal, strategy)


def _next(labels: Labels, names: ImageNames, principal: Principal, strategy: str) -> dict[str, Any]:
    project, reader = principal.project, principal.reader
    scan = labels.next_scan(project, reader, at_random=strategy == "random")
    if scan is None:
        return {}
    return {
        "id": names.of_scans([scan.id]).get(scan.id, scan.id),
        "weight": 1,
        "path": "",  # no client shares a disk with this service
        "name": file_name(scan),
        "ts": int(time()),
        "strategy": strategy,
    }
