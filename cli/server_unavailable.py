"""The error of a server that does not answer."""

from imaging.errors import Unavailable


class ServerUnavailable(Unavailable):
    """The server does not answer, or cannot serve now; trying later may help."""
