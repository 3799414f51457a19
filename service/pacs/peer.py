"""How other systems fail."""

from imaging.errors import BadRequest, Unavailable


class PeerAway(Unavailable):
    """It does not answer, or cannot serve now; another attempt may do better."""


class PeerRefused(BadRequest):
    """It answered, and will answer so again."""
