"""How access is refused."""

from imaging.errors import TesseraError


class Unauthenticated(TesseraError):
    """The caller presents no credentials, or credentials that are not valid."""


class Forbidden(TesseraError):
    """The caller is known and lacks the permission that the request needs."""
