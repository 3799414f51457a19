"""Services: the objects of a running gateway."""

from typing import Any


class Services(dict[type, Any]):
    """The objects of a running gateway by their types; `service.http.dependencies` reads them."""

    def add(self, *services: object) -> None:
        """Adds each under its own type."""
        self.update((type(service), service) for service in services)
