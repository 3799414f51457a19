"""Durations on the command line, such as 12h, 90d or 52w."""

import re

import click

_UNITS_S = {"h": 3600, "d": 86_400, "w": 7 * 86_400}


def seconds_of(_ctx: click.Context, _param: click.Parameter, value: str) -> float:
    """The duration in seconds."""
    match = re.fullmatch(r"(0|[1-9][0-9]{0,5})([hdw])", value)
    if match is None:
        raise click.BadParameter("Write hours, days or weeks, such as 12h, 90d or 52w.")
    return float(match[1]) * _UNITS_S[match[2]]


def duration_text(seconds: float) -> str:
    """In days, or in hours if it is not a number of days."""
    days, rest = divmod(seconds, _UNITS_S["d"])
    if not rest:
        return f"{days:.0f} {'day' if days == 1 else 'days'}"
    hours = seconds / _UNITS_S["h"]
    return f"{hours:g} {'hour' if hours == 1 else 'hours'}"
