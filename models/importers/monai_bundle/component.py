"""One component of a configuration: a class of MONAI and the arguments that it is given."""

from collections.abc import Iterator
from typing import Any

from imaging.errors import BadModel
from models.importers.monai_bundle.config import TARGET, BundleConfig
from models.importers.monai_bundle.refusals import damaged, unsupported

_DIRECTIVES = ("_desc_", "_requires_", "_disabled_")
_REQUIRED: Any = object()


class Component:
    """Arguments are taken one by one; what is left at the end is refused by name."""

    def __init__(self, config: BundleConfig, item_id: str) -> None:
        """Raises BadModel where `item_id` is no component."""
        self.item_id = item_id
        raw = config.raw(item_id)
        if not isinstance(raw, dict) or not isinstance(raw.get(TARGET), str):
            raise damaged(f"{item_id} of the configuration is no component with a {TARGET}.")
        self.target: str = raw[TARGET]
        """As the configuration states it: `UNet` or `monai.networks.nets.UNet`."""
        self._config = config
        self._left = {key for key in raw if key not in (TARGET, *_DIRECTIVES)}

    @property
    def name(self) -> str:
        """The name of the class."""
        return self.target.rpartition(".")[2]

    @property
    def is_of_monai(self) -> bool:
        """Whether MONAI would look it up in itself."""
        return "." not in self.target or self.target.startswith("monai.")

    @property
    def disabled(self) -> bool:
        """Whether MONAI leaves it out."""
        if not self._config.has(f"{self.item_id}#_disabled_"):
            return False
        return str(self._config.value(f"{self.item_id}#_disabled_")).strip().lower() == "true"

    def take(self, argument: str, default: Any = _REQUIRED) -> Any:
        """The value of an argument; raises BadModel where it has no value and no default."""
        if argument not in self._left:
            if default is _REQUIRED:
                raise damaged(f"{self.name} ({self.item_id}) has no argument {argument}.")
            return default
        self._left.discard(argument)
        return self._config.value(f"{self.item_id}#{argument}")

    def peek(self, argument: str) -> Any:
        """The value of an argument that is also taken or ignored; None where it is missing."""
        if not self._config.has(f"{self.item_id}#{argument}"):
            return None
        return self._config.value(f"{self.item_id}#{argument}")

    def take_text(self, argument: str) -> str:
        """An argument as it is written, such as an expression that is not evaluated."""
        self._left.discard(argument)
        return str(self._config.raw(f"{self.item_id}#{argument}"))

    def ignore(self, *arguments: str) -> None:
        """Arguments that do not change the mask; they are not read."""
        self._left -= set(arguments)

    def expect(self, **defaults: Any) -> None:
        """Arguments that are supported with one value only, which is their default."""
        for argument, only in defaults.items():
            value = self.take(argument, only)
            value = (
                value[0] if isinstance(value, list) and len(set(map(str, value))) == 1 else value
            )
            if value != only:
                raise self.refusal(f"with {argument} = {value}")

    def finish(self) -> None:
        """Raises BadModel where an argument was neither taken nor ignored."""
        if self._left:
            raise self.refusal(f"with the argument {min(self._left)}")

    def refusal(self, why: str = "") -> BadModel:
        """The error for a component that cannot be imported: `UNet (network_def) ... with ...`."""
        return unsupported(f"{self.target} ({self.item_id})", why=why)


def transforms_of(config: BundleConfig, item_id: str) -> Iterator[Component]:
    """The transforms of a `Compose` in their order, without those that are disabled."""
    compose = Component(config, config.component_id(item_id))
    if compose.name != "Compose" or not compose.is_of_monai:
        raise compose.refusal()
    if compose.disabled:
        return
    compose.ignore("transforms", "map_items", "unpack_items", "log_stats")
    compose.expect(lazy=False)  # MONAI then resamples once for several transforms
    compose.finish()
    listed = config.raw(f"{compose.item_id}#transforms")
    if not isinstance(listed, list):
        raise damaged(f"{compose.item_id}#transforms of the configuration is no list.")
    for number in range(len(listed)):
        one = config.component_id(f"{compose.item_id}#transforms#{number}")
        transform = Component(config, one)
        if not transform.disabled:
            yield transform
