"""A TCP proxy on loopback that cuts all connections after given numbers of bytes, or when asked."""

import socket
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial

from tests.support.tcp_proxy import Flow, TcpProxy


class CutProxy(TcpProxy):
    """Forwards connections to a port, at a given rate."""

    def __init__(self, port: int, cuts: Sequence[int] = (), rate: float = 50e6) -> None:
        """`cuts`: numbers of bytes sent by clients. `rate`: most bytes a second of a connection."""
        self.sent = 0
        """Bytes that clients have sent to the server."""
        self.cuts = sorted(cuts)
        """Those that are still to come."""
        self.rate = rate
        self._flows: list[_Counted] = []
        super().__init__(port)

    def silence(self) -> None:
        """Keeps what is sent from now on by the connections that are open, until they are cut."""
        for flow in self._flows:
            flow.silent = True

    def next_server(self) -> Callable[[socket.socket], None]:
        self._flows.append(_Counted(self))
        return partial(self.forward, up=self._flows[-1], down=Flow())


class _Counted(Flow):
    """What a client sends."""

    def __init__(self, proxy: CutProxy) -> None:
        self._proxy = proxy
        self.silent = False

    @property
    def most(self) -> int:
        while self.silent and not self._proxy.closed:
            time.sleep(0.02)
        return super().most

    def sent(self, count: int, /) -> None:
        proxy = self._proxy
        proxy.sent += count
        if proxy.cuts and proxy.sent >= proxy.cuts[0]:
            proxy.cuts.pop(0)
            proxy.cut()
        time.sleep(count / proxy.rate)


def cut_proxy(port: int, cuts: Sequence[int] = (), rate: float = 50e6) -> closing[CutProxy]:
    """A proxy that is closed at the end of the block."""
    return closing(CutProxy(port, cuts, rate))
