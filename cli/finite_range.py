"""The value of an option that is a number in a range."""

from math import isfinite
from typing import Any

import click


class FiniteRange(click.FloatRange):
    """As `click.FloatRange`, but refuses `nan` and `inf`, which are numbers to click."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The value of the option; fails with a usage error for any other text."""
        number: float = super().convert(value, param, ctx)
        if not isfinite(number):
            self.fail(f"{value} is not a finite number", param, ctx)
        return number
