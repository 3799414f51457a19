"""Peer health: whether a DICOM peer answers on each way by which it is used."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from service.auth import Permission, Principal, requires
from service.resources.dicom_metrics import DicomMetrics
from service.resources.peers import Peer
from service.resources.routing_table import RoutingTable

OK = "ok"


class PeerProbe(Protocol):
    """Port to the peers."""

    def probe(self, peer: Peer) -> dict[str, str]:
        """Service -> `ok`, or what is wrong with it."""


@dataclass(frozen=True, slots=True)
class PeerHealth:
    """Checks peers on request."""

    routing: RoutingTable
    peers: PeerProbe
    metrics: DicomMetrics

    @requires(Permission.ARCHIVES_SEARCH)
    def check(self, principal: Principal, name: str) -> Mapping[str, str]:
        """Service -> `ok`, or what is wrong with it; raises NotFound for an unknown peer."""
        outcomes = self.peers.probe(self.routing.of(principal.project).peer_named(name))
        self.metrics.peer_answered(name, up=set(outcomes.values()) == {OK})
        return outcomes
