"""The models that a project may use."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from models.registry import AnyModel, Registry


@dataclass(frozen=True, slots=True)
class UsableModels:
    """The registry as each project sees it.

    A model that a project may not use is as unknown to it as one that does not exist.
    """

    registry: Registry
    limited: Callable[[], Mapping[str, frozenset[str]]]
    """Project -> names of the models that it may use, for each project that may not use all;
    raises Unavailable."""
    trained: Callable[[], Mapping[str, str]] = dict
    """Checksum of the network -> project, for each model that only the project that trained it may
    use; raises Unavailable."""

    def all(self, project: str) -> list[AnyModel]:
        """The project's models, as `Registry.all` lists them."""
        return self.registry.all(self.limited().get(project), self._hidden(project))

    def get(self, project: str, name: str) -> AnyModel:
        """One of the project's models; raises what `Registry.get` raises."""
        return self.registry.get(name, self.limited().get(project), self._hidden(project))

    def _hidden(self, project: str) -> frozenset[str]:
        return frozenset(network for network, own in self.trained().items() if own != project)
