"""The error for a peer that failed."""

from collections.abc import Iterator
from contextlib import contextmanager

from imaging.errors import BadRequest, Unavailable
from service.resources.peers import ObjectRefused, Peer, PeerRefused, PeerTooSlow, PeerUnavailable


def is_temporary(status: int) -> bool:
    """Whether another attempt may succeed: processing failure (0110H) or out of resources (A7xxH).

    PS3.7, C; PS3.4, B.2.3.
    """
    return status == 0x0110 or status >> 8 == 0xA7


def peer_error(peer: Peer, reason: str, *, temporary: bool) -> PeerUnavailable | PeerRefused:
    """The error for a peer that failed for `reason`, which quotes no address, UID or name."""
    if temporary:
        return PeerUnavailable(
            f"The peer {peer.name} is unavailable: {reason}.",
            expected="A peer that answers.",
            hint="Deliveries are tried again automatically. Repeat a search or a fetch later. The "
            "peer's own log says why it failed.",
        )
    return PeerRefused(
        f"The request to the peer {peer.name} failed: {reason}.",
        expected="A peer that accepts the request.",
        hint="The peer's own log says why. Correct the peer or the routing table, then try again.",
    )


def peer_too_slow(peer: Peer) -> PeerTooSlow:
    """The error for a peer whose answer was not complete in time."""
    return PeerTooSlow(
        f"The peer {peer.name} is too slow: its answer was not complete in time.",
        expected=f"An answer within {peer.timeout_s:g} s, and images without long pauses.",
        hint="Try again later, or raise timeout_s of the peer in the routing table.",
    )


def peer_tls_error(peer: Peer, reason: str) -> PeerUnavailable:
    """The error for a peer with which no TLS connection is possible for `reason`."""
    return PeerUnavailable(
        f"The peer {peer.name} is unavailable: {reason}.",
        expected="A TLS connection (version 1.2 or later) with certificates that both sides trust.",
        hint="Correct the certificates, or ca_file, certificate_file and the expected certificate "
        "of the peer in the routing table. Deliveries are tried again automatically.",
    )


@contextmanager
def own_files(peer: Peer) -> Iterator[None]:
    """Raises PeerUnavailable if our files of certificates and secrets cannot be used now."""
    try:
        yield
    except (BadRequest, Unavailable) as error:
        raise PeerUnavailable(
            f"The peer {peer.name} cannot be called: {error.detail}",
            expected=error.expected,
            hint=error.hint,
        ) from error


def object_refused(peer: Peer, reason: str) -> ObjectRefused:
    """The error for a peer that does not store an object for `reason`."""
    return ObjectRefused(
        f"The peer {peer.name} did not store the object: {reason}.",
        expected="A peer that stores this kind of object.",
        hint="The peer's own log says why. Send another format, or let the peer accept this one.",
    )
