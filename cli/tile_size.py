"""The value of `--tile` and `--shape`: one number, or one per axis."""

from typing import Any

import click


class TileSize(click.ParamType):  # type: ignore[type-arg]
    """`128` or `128,128,64`."""

    name = "N[,N,N]"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """The value of the option; fails with a usage error for any other text."""
        if isinstance(value, tuple):
            return value
        try:
            numbers = tuple(int(part) for part in str(value).split(","))
        except ValueError:
            self.fail("give one whole number, or one per axis, as 128 or 128,128,64", param, ctx)
        if min(numbers) < 1:
            self.fail("every number must be 1 or more", param, ctx)
        return numbers
