"""Names of formats on the wire.

The registry is asked whenever a name is checked or the API is described, so that there is no second
list of formats here.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from imaging.formats import registry


class OneOf:
    """Accepts the names that a function returns; described as an enum of them."""

    def __init__(self, names: Callable[[], Sequence[str]]) -> None:
        self._names = names

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return handler(schema) | {"enum": list(self._names())}

    def _checked(self, value: str) -> str:
        names = self._names()
        if value in names:
            return value
        raise PydanticCustomError(
            "literal_error", "Input should be one of {expected}", {"expected": ", ".join(names)}
        )


MaskFormatName = Annotated[str, OneOf(lambda: registry.names(registry.MASK_FORMATS))]
ReportFormatName = Annotated[str, OneOf(lambda: registry.names(registry.REPORT_FORMATS))]
StoredFormatName = Annotated[str, OneOf(lambda: registry.names(registry.stored_formats()))]
DeliveryFormatName = Annotated[str, OneOf(lambda: registry.names(registry.deliverable()))]
