"""Downloads as HTTP responses."""

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from service.http import etags
from service.http.threads import ViewThreads
from service.use_cases.downloads import Download
from service.use_cases.result_mask import ResultMask
from service.use_cases.results import Results


def file_response(download: Download) -> StreamingResponse:
    """Streams the file as an attachment, with its length and entity tag."""
    headers = etags.headers(download.tag) | {
        "Content-Length": str(download.size),
        "Content-Disposition": f'attachment; filename="{download.name}"',
    }
    return StreamingResponse(download.blocks, media_type=download.media_type, headers=headers)


async def mask_response(
    request: Request, mask: ResultMask, wanted: str | None, results: Results, threads: ViewThreads
) -> Response:
    """The mask in a format, or as it is stored (None); 304 if the client's copy is current."""
    wanted = wanted or mask.format
    tag = mask.tag(wanted)
    if etags.is_current(request, tag):
        return etags.not_modified(tag)
    return file_response(await threads.run(results.mask, mask, wanted))
