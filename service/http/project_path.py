"""`/projects/NAME/...`: every address of the gateway, for one project.

The page of a project is at `/projects/NAME/`, and its requests are relative to it. So each tab,
each stream of events, each image and each link names its project, and a tab can neither show nor
change anything of another project.
"""

import re

from starlette.types import ASGIApp, Receive, Scope, Send

PROJECT = "tessera.project"
"""Key of a request's scope: the project that its path names."""
_PREFIX = re.compile(r"/projects/([a-z0-9][a-z0-9-]{0,62})(?=/)")


class ProjectPath:
    """ASGI: makes `/projects/NAME` the root path; routes are the same for all projects."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (match := _PREFIX.match(scope["path"])):
            scope["root_path"], scope[PROJECT] = match[0], match[1]
        await self.app(scope, receive, send)


def path_in_project(scope: Scope) -> str:
    """The path of a request without its project."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))
