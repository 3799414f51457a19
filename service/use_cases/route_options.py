"""How the rules of a series want it taken in."""

from collections.abc import Sequence
from dataclasses import replace

from imaging.formats.incoming import ScanSelection
from service.resources.routing_table import RoutingRule

UNRULED = ScanSelection(each=True, frames=False)
"""How a series without a rule is taken in."""


def options_of(rule: RoutingRule) -> ScanSelection:
    """How one rule wants a series taken in."""
    return replace(
        UNRULED,
        resample=rule.resample,
        deidentify=rule.deidentify,
        max_volumes=None if rule.model is None else rule.max_volumes,
    )


def intake_options(rules: Sequence[RoutingRule]) -> list[ScanSelection]:
    """How to take a series in: once for each combination of options; once without any rule."""
    return list(dict.fromkeys(map(options_of, rules))) or [UNRULED]
