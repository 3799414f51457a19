"""`/projects/NAME/...`: every address of the gateway, for one project.

The page of a project is at `/projects/NAME/`, and its requests are relative to it. So each tab,
each stream of events, each image and each link names its project, and a tab can neither show nor
change anything of another project.
"""

import re
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PROJECT = "tessera.project"
"""Key of a request's scope: the project that its path names."""
_OTHER_SLASH = 307
"""Status of the router's redirects, to the same address with or without a final slash."""
_PATH = re.compile(r"/projects/([a-z0-9][a-z0-9-]{0,62})(/.*)")


class ProjectPath:
    """ASGI: takes the project out of the path; routes are the same for all projects."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not (match := _PATH.fullmatch(scope["path"])):
            await self.app(scope, receive, send)
            return
        prefix = f"/projects/{match[1]}"
        scope[PROJECT], scope["path"] = match[1], match[2]
        scope["raw_path"] = scope["raw_path"].removeprefix(prefix.encode())

        async def send_in_project(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == _OTHER_SLASH:
                headers = MutableHeaders(scope=message)
                address = urlsplit(headers["location"])
                headers["location"] = address._replace(path=prefix + address.path).geturl()
            await send(message)

        await self.app(scope, receive, send_in_project)
