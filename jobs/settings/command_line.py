"""Settings: commands that call a server."""

from typing import Annotated

from pydantic import Field

from jobs.settings.section import Section


class CommandLineSettings(Section):
    """Commands with --server"""

    api_key: Annotated[str, Field(repr=False)] = ""
    """API key that `tessera segment`, `tessera batch` and `tessera dataset export` send to the
    server after `--server`. Gateways and workers do not use it. Empty: none."""
