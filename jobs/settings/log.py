"""Settings: the log."""

from typing import Literal

from jobs.settings.section import Section


class LogSettings(Section):
    """Log"""

    log_format: Literal["text", "json"] = "text"
    """Format of the log: `text`, or `json` for one JSON object a line, with the ids of jobs,
    requests and workers as members."""
