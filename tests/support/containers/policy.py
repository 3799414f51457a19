"""What every container of Tessera has to keep to, wherever it is described."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Container:
    """A container, as Compose or Kubernetes would run it."""

    name: str
    user: int | None
    """None: the image decides."""
    read_only_root: bool
    dropped: frozenset[str]
    """Capabilities that are taken away."""
    added: frozenset[str]
    """Capabilities that are given."""
    privileged: bool
    gains_privileges: bool
    """Whether a program in it may get more privileges than it was started with."""
    syscalls_filtered: bool
    memory_limit: str | None
    host: frozenset[str]
    """What it shares with the host: namespaces and folders."""
    cluster_token: bool
    """Whether it can talk to the cluster's API."""
    runs_on: bool
    """Whether it runs until it is stopped, so that somebody must notice when it hangs."""
    health_checked: bool


_RULES: dict[str, Callable[[Container], bool]] = {
    "runs as root, or as a user that the image decides": lambda c: bool(c.user),
    "can write to its root file system": lambda c: c.read_only_root,
    "has capabilities": lambda c: "ALL" in c.dropped and not c.added,
    "is privileged": lambda c: not c.privileged,
    "can gain privileges": lambda c: not c.gains_privileges,
    "may use every system call": lambda c: c.syscalls_filtered,
    "has no memory limit": lambda c: c.memory_limit is not None,
    "shares something with the host": lambda c: not c.host,
    "has a token of the cluster": lambda c: not c.cluster_token,
    "has no health check": lambda c: c.health_checked or not c.runs_on,
}


def violations(container: Container) -> list[str]:
    """The rules that it breaks."""
    return [fault for fault, holds in _RULES.items() if not holds(container)]
