"""Downloads as HTTP responses."""

from starlette.responses import StreamingResponse

from service.http import etags
from service.use_cases.downloads import Download


def file_response(download: Download) -> StreamingResponse:
    """Streams the file as an attachment, with its length and entity tag."""
    headers = etags.headers(download.tag) | {
        "Content-Length": str(download.size),
        "Content-Disposition": f'attachment; filename="{download.name}"',
    }
    return StreamingResponse(download.blocks, media_type=download.media_type, headers=headers)
