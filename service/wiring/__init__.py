"""Wiring: opens the parts of a gateway, builds its services and starts its background tasks.

Only this package knows all parts. Everything else receives the few that it uses.
"""

from service.wiring.build import build_services
from service.wiring.parts import open_parts
from service.wiring.tasks import start_tasks

__all__ = ["build_services", "open_parts", "start_tasks"]
