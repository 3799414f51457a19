"""How other systems fail."""

from imaging.errors import BadRequest, Unavailable
from service.resources.routing_table import Peer


class PeerAway(Unavailable):
    """It does not answer, or cannot serve now; another attempt may do better."""


class PeerRefused(BadRequest):
    """It answered, and will answer so again."""


def passing(status: int) -> bool:
    """Processing failure or out of resources (PS3.7, C; PS3.4, B.2.3): it may do better later."""
    return status == 0x0110 or status >> 8 == 0xA7


def refusal(peer: Peer, what: str, *, later: bool) -> PeerAway | PeerRefused:
    """What a peer's answer is to us."""
    if later:
        return PeerAway(
            f"The peer {peer.name} cannot serve now: {what}.",
            hint="It is tried again; see what the peer's own log says.",
        )
    return PeerRefused(
        f"The peer {peer.name} refused: {what}.",
        expected="A peer that takes what is asked of it.",
        hint="See what the peer's own log says, mend it there or in the file of routes, ask again.",
    )
