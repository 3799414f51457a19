"""The next image to look at: one that no reader is done with."""

from time import time
from typing import Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request

from imaging.errors import NotFound
from service.monai_label.endpoint import serves
from service.monai_label.images import file_name
from service.parts import OwnerDep, Parts, PartsDep

router = APIRouter()

STRATEGIES = {
    "first": {"description": "The oldest image without a final label"},
    "random": {"description": "Any image without a final label"},
}


@serves(router, "POST", "/activelearning/{strategy}")
async def next_sample(
    strategy: str, request: Request, parts: PartsDep, project: OwnerDep
) -> dict[str, Any]:
    """An image that has no final label; {} when there is none. What is sent is not needed."""
    async for _ in request.stream():
        pass
    if strategy not in STRATEGIES:
        raise NotFound(
            "There is no strategy of that name.",
            expected=f"One of: {', '.join(STRATEGIES)}.",
            hint="Pick one in the client.",
        )
    return await run_sync(_next, parts, project, strategy)


def _next(parts: Parts, project: str, strategy: str) -> dict[str, Any]:
    scan = parts.repository.labels.next_scan(project, at_random=strategy == "random")
    if scan is None:
        return {}
    return {
        "id": parts.repository.image_names.of_scans([scan.id]).get(scan.id, scan.id),
        "weight": 1,
        "path": "",  # no client shares a disk with this service
        "name": file_name(scan),
        "ts": int(time()),
        "strategy": strategy,
    }
