"""The page of settings, made from the settings themselves."""

from jobs.settings.reference import settings_reference

INTRODUCTION = """# Settings

Every setting is an environment variable. Gateway and workers read them when they start; a value
that is not valid stops the start with a message. Options of the [command line](cli.md) take
precedence.

Traces are configured by [OpenTelemetry's own variables](../how-to/traces.md#variables).
"""


def page() -> str:
    """Markdown: one table per section."""
    return f"{INTRODUCTION}\n{settings_reference()}"
