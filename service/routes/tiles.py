"""Tiles of large images and their masks, for viewers such as OpenSeadragon."""

from typing import Annotated, Any

from fastapi import Path, Request, Response

from imaging.tile_levels import TILE, TileLevels
from service.auth import Permission, Principal
from service.http import etags
from service.http.dependencies import ResultsDep, ScansDep, TilesDep
from service.http.file_content import file_content
from service.http.permissions import Allowed
from service.http.router import Router
from service.schemas import JobId, ScanId, TilesOut
from service.use_cases.result_mask import ResultMask

router = Router(tags=["tiles"])

Level = Annotated[int, Path(ge=0, le=64, description="Level, `min_level` to `max_level`.")]
Row = Annotated[int, Path(ge=0, lt=1 << 24, description="Row of the tile, from 0.")]
Column = Annotated[int, Path(ge=0, lt=1 << 24, description="Column of the tile, from 0.")]


def _image(media_type: str) -> dict[int | str, dict[str, Any]]:
    return {
        200: {"description": "The tile.", "content": file_content(media_type)},
        304: {"description": "The caller's copy is current."},
    }


@router.get("/v1/scans/{scan_id}/tiles")
def get_scan_tiles(
    scan_id: ScanId,
    scans: ScansDep,
    tiles: TilesDep,
    principal: Annotated[Principal, Allowed(Permission.SCANS_READ)],
) -> TilesOut:
    """How a 2D image is cut into tiles. The first request has it cut; ask until it is `ready`.

    The tiles are kept for an hour after their last use, on the gateway that made them.
    """
    scan = scans.get(principal.project, scan_id)
    return _tiles_out(tiles.levels(scan), tiles.scan_fraction(scan))


@router.get(
    "/v1/scans/{scan_id}/tiles/{level}/{row}/{column}",
    response_class=Response,
    responses=_image("image/jpeg"),
)
def get_scan_tile(
    scan_id: ScanId,
    level: Level,
    row: Row,
    column: Column,
    request: Request,
    scans: ScansDep,
    tiles: TilesDep,
    principal: Annotated[Principal, Allowed(Permission.SCANS_READ)],
) -> Response:
    """A tile of the image in 8-bit colour; a 409 before the image is cut."""
    scan = scans.get(principal.project, scan_id)
    tag = f"{scan.sha256}-image-{level}-{row}-{column}"
    if etags.is_current(request, tag):
        return etags.not_modified(tag)
    content = tiles.scan_tile(scan, level, row, column)
    return Response(content, media_type="image/jpeg", headers=etags.headers(tag))


@router.get("/v1/jobs/{job_id}/mask/tiles")
def get_mask_tiles(
    job_id: JobId,
    results: ResultsDep,
    scans: ScansDep,
    tiles: TilesDep,
    principal: Annotated[Principal, Allowed(Permission.RESULTS_READ)],
) -> TilesOut:
    """How the mask of a 2D image is cut into tiles: as the image, see GET /v1/scans/{id}/tiles."""
    mask = ResultMask(results.finished_job(principal.project, job_id))
    scan = scans.get(principal.project, mask.job.grid_scan)
    return _tiles_out(tiles.levels(scan), tiles.mask_fraction(scan, mask))


@router.get(
    "/v1/jobs/{job_id}/mask/tiles/{level}/{row}/{column}",
    response_class=Response,
    responses=_image("image/png"),
)
def get_mask_tile(
    job_id: JobId,
    level: Level,
    row: Row,
    column: Column,
    request: Request,
    results: ResultsDep,
    scans: ScansDep,
    tiles: TilesDep,
    principal: Annotated[Principal, Allowed(Permission.RESULTS_READ)],
) -> Response:
    """A tile of label numbers, red + 256 green + 65,536 blue; smaller levels leave pixels out."""
    mask = ResultMask(results.finished_job(principal.project, job_id))
    scan = scans.get(principal.project, mask.job.grid_scan)
    tag = f"{mask.sha256}-mask-{level}-{row}-{column}"
    if etags.is_current(request, tag):
        return etags.not_modified(tag)
    content = tiles.mask_tile(scan, mask, level, row, column)
    return Response(content, media_type="image/png", headers=etags.headers(tag))


def _tiles_out(levels: TileLevels, fraction: float) -> TilesOut:
    return TilesOut(
        width=levels.columns,
        height=levels.rows,
        tile_size=TILE,
        min_level=levels.smallest,
        max_level=levels.full,
        ready=fraction >= 1.0,
        fraction=fraction,
    )
