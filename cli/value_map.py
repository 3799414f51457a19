"""The value of `--map`: what the values of a reference mask mean."""

from typing import Any

import click

ValueMap = tuple[tuple[int, int], ...]
"""Pairs of a value in a reference file and the label number that it means."""


class ValueMapType(click.ParamType):  # type: ignore[type-arg]
    """`0=1,255=0`: values of a reference file and the label numbers that they mean."""

    name = "FROM=TO[,FROM=TO]"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> ValueMap:
        """The value of the option; fails with a usage error for any other text."""
        if isinstance(value, tuple):
            return value
        try:
            pairs = [part.split("=") for part in str(value).split(",")]
            return tuple((int(source), int(target)) for source, target in pairs)
        except ValueError:
            self.fail("give whole numbers as FROM=TO, for example 0=1,255=0", param, ctx)
