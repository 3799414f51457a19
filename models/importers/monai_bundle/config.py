"""The configuration of a bundle: values by id, references resolved, expressions read as data.

An id is a path such as `preprocessing#transforms#0#keys`.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from models.importers.monai_bundle.expressions import REFERENCE, Load, NotData, read_expression
from models.importers.monai_bundle.refusals import damaged, is_code

TARGET = "_target_"
_MISSING = object()

Evaluate = Callable[[str], Any]
"""Evaluates the value with this id as MONAI does, code included."""


class BundleConfig:
    """Values of a configuration. Each is resolved when it is read, so that code in values that are
    never read does not matter."""

    def __init__(
        self,
        content: Mapping[str, Any],
        evaluate: Evaluate | None = None,
        load: Load | None = None,
    ) -> None:
        """`evaluate`: for expressions that are code. `load`: for files that `torch.load` reads.
        None: they are refused."""
        self._content = content
        self._evaluate = evaluate
        self._load = load
        self._open: list[str] = []

    def has(self, item_id: str) -> bool:
        """Whether the configuration states a value with this id."""
        return self._find(item_id) is not _MISSING

    def raw(self, item_id: str) -> Any:
        """The value as written; references of the whole value are followed."""
        value = self._find(item_id)
        if value is _MISSING:
            raise damaged(f"The configuration has no value for {item_id}.")
        target = _whole_reference(value)
        return value if target is None else self._once(item_id, lambda: self.raw(target))

    def value(self, item_id: str) -> Any:
        """The value, resolved completely. Components stay mappings with `_target_`.

        Raises BadModel where it is missing, or where it contains code and may not be evaluated.
        """
        value = self._find(item_id)
        if value is _MISSING:
            raise damaged(f"The configuration has no value for {item_id}.")
        return self._once(item_id, lambda: self._resolved(value, item_id))

    def components(self) -> Iterator[str]:
        """Ids of all components in the configuration."""
        yield from _components(self._content, "")

    def component_id(self, item_id: str) -> str:
        """The id of what a value refers to: `network` may be `$@network_def.to(@device)`."""
        target = _whole_reference(self._find(item_id))
        return item_id if target is None else self._once(item_id, lambda: self.component_id(target))

    def _once(self, item_id: str, read: Callable[[], Any]) -> Any:
        """Raises BadModel where reading `item_id` would read itself."""
        if item_id in self._open or len(self._open) > 200:
            raise damaged(f"The value of {item_id} in the configuration refers to itself.")
        self._open.append(item_id)
        try:
            return read()
        finally:
            self._open.pop()

    def _find(self, item_id: str) -> Any:
        value: Any = self._content
        for key in item_id.replace("::", "#").split("#"):
            if (target := _whole_reference(value)) is not None:
                value = self._once(target, partial(self._find, target))
            if isinstance(value, Mapping) and key in value:
                value = value[key]
            elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
                value = value[int(key)]
            else:
                return _MISSING
        return value

    def _resolved(self, value: Any, item_id: str) -> Any:
        if isinstance(value, Mapping):
            return {key: self._resolved(part, f"{item_id}#{key}") for key, part in value.items()}
        if isinstance(value, list):
            return [self._resolved(part, f"{item_id}#{n}") for n, part in enumerate(value)]
        if not isinstance(value, str):
            return value
        target = _whole_reference(value)
        if target is not None:
            return self.value(target)
        if value.startswith("$"):
            return self._expression(value, item_id)
        if value.startswith(("@", "%")):
            raise damaged(f"The reference {value} of the configuration is not supported.")
        return value

    def _expression(self, text: str, item_id: str) -> Any:
        try:
            return read_expression(text[1:], self.value, self._load)
        except NotData as error:
            if self._evaluate is None:
                raise is_code(item_id, text) from error
            return self._evaluate(item_id)


def _whole_reference(value: Any) -> str | None:
    """The id that a value refers to, if it is a reference alone; `%` copies and `@` shares."""
    if not isinstance(value, str):
        return None
    text = value.removeprefix("$").strip()
    if text.startswith("%"):
        text = "@" + text[1:]
    return text[1:] if REFERENCE.fullmatch(text) else None


def _components(value: Any, item_id: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        if TARGET in value:
            yield item_id
        for key, part in value.items():
            yield from _components(part, f"{item_id}#{key}" if item_id else str(key))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _components(part, f"{item_id}#{number}")
