"""Containers of a Compose file."""

from typing import Any

from tests.support.containers.policy import Container

_NAMESPACES = ("network_mode", "pid", "ipc", "userns_mode", "uts")


def containers(document: dict[str, Any]) -> list[Container]:
    """One for each service."""
    ends = {
        name
        for service in document["services"].values()
        for name, on in service.get("depends_on", {}).items()
        if on["condition"] == "service_completed_successfully"
    }
    return [
        _container(name, service, runs_on=name not in ends)
        for name, service in document["services"].items()
    ]


def mounts(service: dict[str, Any]) -> dict[str, str]:
    """Path in the container -> volume or folder of the host."""
    return dict(map(_mount, service.get("volumes", [])))


def _mount(volume: str | dict[str, Any]) -> tuple[str, str]:
    if isinstance(volume, dict):
        return volume["target"], volume["source"]
    source, target = volume.split(":")[:2]
    return target, source


def _container(name: str, service: dict[str, Any], *, runs_on: bool) -> Container:
    options = set(service.get("security_opt", []))
    limits = service.get("deploy", {}).get("resources", {}).get("limits", {})
    shared = {key for key in _NAMESPACES if str(service.get(key, "")).startswith("host")}
    folders = {source for source in mounts(service).values() if source[:1] in "./~"}
    user = str(service.get("user", "")).partition(":")[0]
    return Container(
        name=name,
        user=int(user) if user.isdecimal() else None,
        read_only_root=service.get("read_only", False),
        dropped=frozenset(service.get("cap_drop", [])),
        added=frozenset(service.get("cap_add", [])),
        privileged=service.get("privileged", False),
        gains_privileges="no-new-privileges:true" not in options,
        syscalls_filtered="seccomp:unconfined" not in options,  # Docker filters by default
        memory_limit=limits.get("memory"),
        host=frozenset(shared | folders),
        cluster_token=False,
        runs_on=runs_on,
        health_checked="test" in service.get("healthcheck", {}),
    )
