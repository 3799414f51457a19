"""The value of `--label`: a label's name and its number."""

from typing import Any

import click


class LabelValueType(click.ParamType):  # type: ignore[type-arg]
    """`liver=5`: the label `liver` is the number 5."""

    name = "NAME=VALUE"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        """The value of the option; fails with a usage error for any other text."""
        if isinstance(value, tuple):
            return value
        label, _, number = str(value).rpartition("=")
        if not label or not number.isdecimal():
            self.fail("give a name and a whole number as NAME=VALUE, such as liver=5", param, ctx)
        return label, int(number)
