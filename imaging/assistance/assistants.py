"""The registry of assistants. A new one is one object, added here."""

from collections.abc import Mapping

from imaging.assistance.assistant import Assistant
from imaging.assistance.random_walk import RandomWalk

ASSISTANTS: Mapping[str, Assistant] = {one.name: one for one in (RandomWalk(),)}
"""By name. The first is the default."""
DEFAULT = next(iter(ASSISTANTS))
