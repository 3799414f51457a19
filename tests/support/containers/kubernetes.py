"""Containers of Kubernetes manifests, and the schemas that manifests are checked against."""

from collections.abc import Iterable
from typing import Any

import kubernetes_validate
from cloudcoil.models.keda.v1alpha1 import ScaledObject

from tests.support.containers.policy import Container

Manifest = dict[str, Any]
VERSIONS = ("1.27", "1.37")
"""The oldest and the newest release of Kubernetes that is checked."""
_NAMESPACES = ("hostNetwork", "hostPID", "hostIPC")


def validate(manifest: Manifest) -> None:
    """Raises ValidationError if Kubernetes or KEDA would not know a key or take a value."""
    if manifest["apiVersion"].startswith("keda.sh/"):
        read = ScaledObject.model_validate(manifest).model_dump(by_alias=True, exclude_unset=True)
        assert read == manifest, "KEDA does not know all keys"
        return
    for version in VERSIONS:
        kubernetes_validate.validate(manifest, version, strict=True)


def pods(manifests: Iterable[Manifest]) -> dict[str, Manifest]:
    """Name of each workload -> its pod, with `metadata` and `spec`."""
    return {
        manifest["metadata"]["name"]: manifest["spec"]["template"]
        for manifest in manifests
        if "template" in manifest.get("spec", {})
    }


def containers(pod: Manifest) -> list[Container]:
    """All containers of a pod, those that prepare it included."""
    spec = pod["spec"]
    return [
        *(_container(spec, one, runs_on=False) for one in spec.get("initContainers", [])),
        *(_container(spec, one, runs_on=True) for one in spec["containers"]),
    ]


def _container(spec: Manifest, container: Manifest, *, runs_on: bool) -> Container:
    # A container's own settings go before its pod's.
    security = spec.get("securityContext", {}) | container.get("securityContext", {})
    capabilities = security.get("capabilities", {})
    no_root = security.get("runAsNonRoot", False)
    shared = {key for key in _NAMESPACES if spec.get(key)}
    folders = {volume["name"] for volume in spec.get("volumes", []) if "hostPath" in volume}
    return Container(
        name=container["name"],
        user=security.get("runAsUser") if no_root else None,
        read_only_root=security.get("readOnlyRootFilesystem", False),
        dropped=frozenset(capabilities.get("drop", [])),
        added=frozenset(capabilities.get("add", [])),
        privileged=security.get("privileged", False),
        gains_privileges=security.get("allowPrivilegeEscalation", True),
        syscalls_filtered=security.get("seccompProfile", {}).get("type") == "RuntimeDefault",
        memory_limit=container.get("resources", {}).get("limits", {}).get("memory"),
        host=frozenset(shared | folders),
        cluster_token=spec.get("automountServiceAccountToken", True),
        runs_on=runs_on,
        health_checked="livenessProbe" in container,
    )
