"""The reader who makes a request."""

from typing import Annotated

from fastapi import Depends, Query

from service.auth import Principal
from service.schemas.fields import Line


class ReaderName:
    """The name of the reader, as the query states it; an account's own name goes first."""

    def __init__(
        self,
        reader: Annotated[
            Line,
            Query(
                max_length=200,
                description="Name of the caller, where there are no accounts. While a second "
                "reading is open, a caller sees only reviews under this name.",
            ),
        ] = "",
    ) -> None:
        self._stated = reader

    def of(self, principal: Principal) -> str:
        """The name of the caller; empty if it is not known."""
        return principal.reader or self._stated


ReaderDep = Annotated[ReaderName, Depends()]
