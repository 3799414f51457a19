"""Settings: commands that call a server."""

from jobs.settings.secret import Secret
from jobs.settings.section import Section


class CommandLineSettings(Section):
    """Commands with --server"""

    api_key: Secret = ""
    """API key that `tessera segment`, `tessera batch` and `tessera dataset export` send to the
    server after `--server`. Gateways and workers do not use it. Empty: none."""
