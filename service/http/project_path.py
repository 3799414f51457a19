"""`/projects/NAME/...`: every address of the gateway, for one project.

The page of a project is at `/projects/NAME/`, and its requests are relative to it. So each tab,
each stream of events, each image and each link names its project, and a tab can neither show nor
change anything of another project.
"""

import re

from starlette.types import ASGIApp, Receive, Scope, Send

PROJECT = "tessera.project"
"""Key of a request's scope: the project that its path names."""
_PATH = re.compile(r"/projects/([a-z0-9][a-z0-9-]{0,62})(/.*)")


class ProjectPath:
    """ASGI: takes the project out of the path; routes are the same for all projects."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (match := _PATH.fullmatch(scope["path"])):
            scope[PROJECT], scope["path"] = match[1], match[2]
            scope["raw_path"] = scope["raw_path"].removeprefix(f"/projects/{match[1]}".encode())
        await self.app(scope, receive, send)
