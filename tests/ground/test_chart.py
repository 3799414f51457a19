"""The Helm chart: rendered by Helm, valid for Kubernetes and KEDA, and within the policy."""

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from inference.runtime_registry import AUTO, device_names, queue_for, queue_names
from jobs.settings.names import known_variables
from tests.support.containers.chart import CHART, ChartRefused, lint, notes, render
from tests.support.containers.kubernetes import Manifest, containers, pods, validate
from tests.support.containers.policy import violations

pytestmark = pytest.mark.process
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "kubernetes.md"
DEFAULTS = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA = yaml.safe_load((CHART / "values.schema.json").read_text())
EXAMPLES = [
    yaml.safe_load(text)
    for text in re.findall(r'```yaml title="values.yaml"\n(.*?)```', PAGE.read_text(), re.DOTALL)
]
"""Values of the guide; the last one uses everything."""
VALUES: dict[str, dict[str, Any]] = {"defaults": {}} | {
    f"example {number}": values for number, values in enumerate(EXAMPLES, 1)
}


@pytest.fixture(scope="module", params=VALUES)
def manifests(request: pytest.FixtureRequest) -> list[Manifest]:
    return render(VALUES[request.param])


@pytest.fixture(scope="module")
def everything() -> list[Manifest]:
    return render(EXAMPLES[-1])


def of_kind(manifests: list[Manifest], *kinds: str) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest["kind"] in kinds]


def environment(container: dict[str, Any]) -> dict[str, Any]:
    names = [variable["name"] for variable in container["env"]]
    assert len(names) == len(set(names)), "Kubernetes would take the last one"
    return {variable["name"]: variable.get("value") for variable in container["env"]}


@pytest.mark.parametrize("values", VALUES)
def test_helm_has_no_complaint(values: str) -> None:
    assert lint(VALUES[values]) == []
    assert "has no login" in notes(VALUES[values])


def test_every_manifest_is_valid(manifests: list[Manifest]) -> None:
    for manifest in manifests:
        validate(manifest)


def test_the_examples_make_every_kind(everything: list[Manifest]) -> None:
    assert {manifest["kind"] for manifest in everything} == {
        *("ConfigMap", "Deployment", "Ingress", "NetworkPolicy", "PodDisruptionBudget"),
        *("ScaledObject", "Service", "ServiceAccount", "StatefulSet"),
    }


@pytest.mark.parametrize("kind", ["Deployment", "NetworkPolicy", "ScaledObject", "Ingress"])
@pytest.mark.parametrize("wrong", [{"replcias": 1}, {"minReplicaCount": "1", "replicas": "1"}])
def test_faults_are_found_by_the_same_schemas(
    everything: list[Manifest], kind: str, wrong: dict[str, Any]
) -> None:
    manifest = copy.deepcopy(of_kind(everything, kind)[0])
    manifest["spec"] |= wrong
    with pytest.raises(Exception, match=r"know all keys|validation error|not of type|unexpected"):
        validate(manifest)


def test_every_container_keeps_to_the_policy(manifests: list[Manifest]) -> None:
    assert pods(manifests)
    for name, pod in pods(manifests).items():
        assert [violations(c) for c in containers(pod)] == [[]], name


FAULTS: dict[str, tuple[str, str, Any]] = {
    "runs as root, or as a user that the image decides": ("securityContext", "runAsUser", 0),
    "can write to its root file system": ("container", "readOnlyRootFilesystem", False),
    "has capabilities": ("container", "capabilities", {"drop": ["NET_RAW"]}),
    "is privileged": ("container", "privileged", True),
    "can gain privileges": ("container", "allowPrivilegeEscalation", True),
    "may use every system call": ("securityContext", "seccompProfile", {"type": "Unconfined"}),
    "has no memory limit": ("spec of container", "resources", {"requests": {"memory": "1Gi"}}),
    "shares something with the host": ("spec", "hostNetwork", True),
    "has a token of the cluster": ("spec", "automountServiceAccountToken", True),
    "has no health check": ("spec of container", "livenessProbe", None),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_found(everything: list[Manifest], fault: str) -> None:
    pod = copy.deepcopy(pods(everything)["tessera-gateway"])
    place, key, value = FAULTS[fault]
    spec, container = pod["spec"], pod["spec"]["containers"][0]
    {
        "spec": spec,
        "securityContext": spec["securityContext"],
        "spec of container": container,
        "container": container["securityContext"],
    }[place][key] = value
    if value is None:
        del container[key]
    assert [violations(c) for c in containers(pod)] == [[fault]]


def test_what_a_pod_may_use_is_requested_and_limited(manifests: list[Manifest]) -> None:
    for name, pod in pods(manifests).items():
        assert pod["spec"]["enableServiceLinks"] is False, "TESSERA_PORT would be set"
        for container in pod["spec"]["containers"]:
            resources = container["resources"]
            for bound in ("requests", "limits"):
                assert resources[bound].keys() >= {"cpu", "memory", "ephemeral-storage"}, name
        for volume in pod["spec"]["volumes"]:
            assert volume.get("emptyDir", {"sizeLimit": ""}).keys() == {"sizeLimit"}


def test_every_pod_is_probed(manifests: list[Manifest]) -> None:
    """Gateways on paths that they serve; workers by a command."""
    routes = set(
        re.findall(r'"(/healthz|/readyz)"', (ROOT / "service/routes/health.py").read_text())
    )
    assert routes == {"/healthz", "/readyz"}
    for name, pod in pods(manifests).items():
        (container,) = pod["spec"]["containers"]
        if "-worker-" in name:
            probe = container["livenessProbe"]["exec"]["command"]
            file = environment(container)["TESSERA_HEARTBEAT_FILE"]
            assert file in probe[-1]
            assert container["startupProbe"]["exec"]["command"] == probe
            assert any(file.startswith(f"{m['mountPath']}/") for m in container["volumeMounts"])
        else:
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                assert container[probe]["httpGet"]["path"] in routes
                assert container[probe]["httpGet"]["port"] == "http"
            assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_the_workers_probe_is_that_of_compose(everything: list[Manifest]) -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["worker"]
    (container,) = pods(everything)["tessera-worker-gpu"]["spec"]["containers"]
    assert ["CMD", *container["livenessProbe"]["exec"]["command"]] == compose["healthcheck"]["test"]


def test_every_variable_is_a_setting(manifests: list[Manifest]) -> None:
    known = {*known_variables(), "POD_IP"}
    known.add("OTEL_EXPORTER_OTLP_ENDPOINT")
    for pod in pods(manifests).values():
        for container in pod["spec"]["containers"]:
            assert environment(container).keys() <= known
    reserved = SCHEMA["$defs"]["settings"]["propertyNames"]["not"]["enum"]
    assert set(reserved) <= known


def test_a_pod_needs_its_database_and_broker(manifests: list[Manifest]) -> None:
    """Without the Secret's keys it does not start, instead of working with SQLite alone."""
    for name, pod in pods(manifests).items():
        files = {
            path: variable.removesuffix("_FILE")
            for variable, path in environment(pod["spec"]["containers"][0]).items()
            if str(path).startswith("/run/secrets/") and variable.endswith("_FILE")
        }
        shared = {"TESSERA_DATABASE_URL", "TESSERA_BROKER_URL"}
        shared |= {"TESSERA_S3_ACCESS_KEY", "TESSERA_S3_SECRET_KEY"}
        own = set() if "-worker-" in name else {"TESSERA_AUDIT_KEY", "TESSERA_PSEUDONYM_SECRET"}
        if "TESSERA_OIDC_CLIENT_ID" in environment(pod["spec"]["containers"][0]):
            own.add("TESSERA_OIDC_CLIENT_SECRET")  # which the guide sets
        assert set(files) == {f"/run/secrets/shared/{key}" for key in shared} | {
            f"/run/secrets/gateway/{key}" for key in own
        }
        assert all(path.endswith(f"/{key}") for path, key in files.items())


def test_secrets_are_files_and_workers_get_none_of_gateways(everything: list[Manifest]) -> None:
    """No variable contains one."""
    for name, pod in pods(everything).items():
        (container,) = pod["spec"]["containers"]
        assert "envFrom" not in container
        assert not [v for v in container["env"] if "secretKeyRef" in v.get("valueFrom", {})]
        secrets = {v["secret"]["secretName"] for v in pod["spec"]["volumes"] if "secret" in v}
        own = set() if "-worker-" in name else {"tessera-gateway"}
        assert secrets == {"tessera"} | own
        modes = {v["secret"]["defaultMode"] for v in pod["spec"]["volumes"] if "secret" in v}
        assert modes == {0o440}, "readable for the group of the pod"
        mounts = {m["mountPath"]: m for m in container["volumeMounts"]}
        assert all(m["readOnly"] for path, m in mounts.items() if path.startswith("/run/secrets"))


def test_gateways_speak_https_with_a_certificate() -> None:
    manifests = render({"gateway": {"tlsSecret": "scans"}})
    for manifest in manifests:
        validate(manifest)
    pod = pods(manifests)["tessera-gateway"]
    (container,) = pod["spec"]["containers"]
    probes = [container[p]["httpGet"] for p in ("startupProbe", "livenessProbe", "readinessProbe")]
    assert {probe["scheme"] for probe in probes} == {"HTTPS"}
    assert pod["metadata"]["annotations"]["prometheus.io/scheme"] == "https"
    assert environment(container)["TESSERA_TLS_KEY"] == "/run/secrets/tls/tls.key"
    assert {"name": "tls", "mountPath": "/run/secrets/tls", "readOnly": True} in (
        container["volumeMounts"]
    )
    (service,) = of_kind(manifests, "Service")
    assert [port["port"] for port in service["spec"]["ports"]] == [443]
    assert "https://localhost:8000" in notes({"gateway": {"tlsSecret": "scans"}})


def test_names_within_a_release_lead_somewhere(manifests: list[Manifest]) -> None:
    """Services find pods and their ports; claims, accounts, maps and files exist."""
    names = {(one["kind"], one["metadata"]["name"]) for one in manifests}
    assert len(names) == len(manifests)
    labels = {name: pod["metadata"]["labels"] for name, pod in pods(manifests).items()}
    for service in of_kind(manifests, "Service"):
        targets = [
            pods(manifests)[name]
            for name, own in labels.items()
            if service["spec"]["selector"].items() <= own.items()
        ]
        assert len(targets) == 1, service["metadata"]["name"]
        ports = {port["name"] for port in targets[0]["spec"]["containers"][0]["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports
    for workload in of_kind(manifests, "Deployment", "StatefulSet"):
        spec, pod = workload["spec"], workload["spec"]["template"]
        matching = [n for n, own in labels.items() if _selects(spec["selector"], own)]
        assert matching == [workload["metadata"]["name"]]
        assert ("ServiceAccount", pod["spec"]["serviceAccountName"]) in names
        maps = [v["configMap"]["name"] for v in pod["spec"]["volumes"] if "configMap" in v]
        assert all(("ConfigMap", name) in names for name in maps)
        claims = {claim["metadata"]["name"] for claim in spec.get("volumeClaimTemplates", [])}
        volumes = {volume["name"] for volume in pod["spec"]["volumes"]} | claims
        assert {m["name"] for c in pod["spec"]["containers"] for m in c["volumeMounts"]} == volumes


def _selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    own: dict[str, str] = selector["matchLabels"]
    return own.items() <= labels.items()


def _policies(manifests: list[Manifest]) -> Iterator[tuple[str, list[Manifest]]]:
    policies = of_kind(manifests, "NetworkPolicy")
    for name, pod in pods(manifests).items():
        labels = pod["metadata"]["labels"]
        yield name, [p["spec"] for p in policies if _selects(p["spec"]["podSelector"], labels)]


def test_the_network_of_every_pod_is_restricted(manifests: list[Manifest]) -> None:
    for name, policies in _policies(manifests):
        (policy,) = policies
        assert policy["policyTypes"] == ["Ingress", "Egress"]
        assert all(rule.get("from") for rule in policy["ingress"])
        assert all(rule.get("ports") or rule.get("to") for rule in policy["egress"])
        assert bool(policy["ingress"]) is ("-worker-" not in name)


def test_dicom_is_open_to_its_senders_alone(everything: list[Manifest]) -> None:
    (policy,) = dict(_policies(everything))["tessera-dicom"]
    (rule,) = [r for r in policy["ingress"] if r["ports"] == [{"protocol": "TCP", "port": "dicom"}]]
    assert rule["from"] == EXAMPLES[-1]["dicom"]["allowFrom"]
    (gateway,) = dict(_policies(everything))["tessera-gateway"]
    assert [port["port"] for rule in gateway["ingress"] for port in rule["ports"]] == ["http"]


def test_the_gateway_answers_to_the_hosts_of_its_ingress(everything: list[Manifest]) -> None:
    (ingress,) = of_kind(everything, "Ingress")
    (container,) = pods(everything)["tessera-gateway"]["spec"]["containers"]
    allowed = environment(container)["TESSERA_ALLOWED_HOSTS"].split(",")
    hosts = [rule["host"] for rule in ingress["spec"]["rules"]]
    assert hosts == ingress["spec"]["tls"][0]["hosts"] == EXAMPLES[-1]["gateway"]["hosts"]
    assert allowed[:2] == ["$(POD_IP)", "localhost"]
    assert set(hosts) < set(allowed)


def test_scaled_workers_exist_and_leave_their_number_to_keda(everything: list[Manifest]) -> None:
    workers = {d["metadata"]["name"]: d["spec"] for d in of_kind(everything, "Deployment")}
    scaled = of_kind(everything, "ScaledObject")
    assert scaled
    for one in scaled:
        spec = one["spec"]
        assert "replicas" not in workers[spec["scaleTargetRef"]["name"]]
        assert spec["minReplicaCount"] <= spec["maxReplicaCount"]
        queries = [trigger["metadata"]["query"] for trigger in spec["triggers"]]
        assert [re.search(r"tessera_\w+", query).group() for query in queries] == [
            *("tessera_queue_seconds", "tessera_queue_jobs"),
        ]


def test_a_pool_scales_by_the_queues_that_it_serves(everything: list[Manifest]) -> None:
    devices = {
        name: pod["spec"]["containers"][0]["args"][-1] for name, pod in pods(everything).items()
    }
    for one in of_kind(everything, "ScaledObject"):
        device = devices[one["spec"]["scaleTargetRef"]["name"]]
        for trigger in one["spec"]["triggers"]:
            queues = re.search(r'queue=~"([^"]+)"', trigger["metadata"]["query"]).group(1)
            assert set(queues.split("|")) == {queue_for(AUTO), queue_for(device)}


def test_the_schema_of_values_knows_devices_and_queues() -> None:
    pool = SCHEMA["$defs"]["pool"]["properties"]
    assert tuple(pool["device"]["enum"]) == device_names()
    scaling = SCHEMA["$defs"]["autoscaling"]["properties"]
    assert set(scaling["queues"]["items"]["enum"]) == set(queue_names())


def test_the_schema_of_values_knows_every_default() -> None:
    assert DEFAULTS.keys() | {"global"} == SCHEMA["properties"].keys()
    assert DEFAULTS["workerDefaults"].keys() == SCHEMA["$defs"]["pool"]["properties"].keys()
    scaling = SCHEMA["$defs"]["autoscaling"]["properties"]
    assert DEFAULTS["workerDefaults"]["autoscaling"].keys() == scaling.keys()


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"worker": {}}, "worker"),
        ({"gateway": {"replica": 3}}, "replica"),
        ({"settings": {"TESSERA_LEASE_S": 30}}, "TESSERA_LEASE_S"),
        ({"settings": {"TESSERA_DATABASE_URL": "sqlite://"}}, "TESSERA_DATABASE_URL"),
        ({"settings": {"TESSERA_ENCRYPTION_KEY": "x"}}, "TESSERA_ENCRYPTION_KEY"),
        ({"settings": {"TESSERA_BLOB_URL": "/data/blobs"}}, "TESSERA_BLOB_URL"),
        ({"workers": {"gpu": {"device": "gpu"}}}, "device"),
        ({"workers": {"GPU": {}}}, "GPU"),
        ({"workers": {"cpu": {"autoscaling": {"queues": ["all"]}}}}, "queues"),
        ({"dicom": {"enabled": True, "allowedCallers": ["MR1"]}}, "allowFrom"),
        ({"ingress": {"enabled": True, "annotations": {"login": "on"}}}, "hosts"),
        ({"gateway": {"hosts": ["a.org"]}, "ingress": {"enabled": True}}, "annotations"),
        ({"networkPolicy": {"allowFrom": []}}, "allowFrom"),
    ],
)
def test_wrong_values_are_refused_by_name(values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ChartRefused, match=complaint):
        render(values)


def test_the_user_is_that_of_the_image(everything: list[Manifest]) -> None:
    for pod in pods(everything).values():
        security = pod["spec"]["securityContext"]
        user = f"USER {security['runAsUser']}:{security['runAsGroup']}\n"
        assert user in (ROOT / "Dockerfile").read_text()


def test_a_worker_is_killed_only_after_it_may_drain(everything: list[Manifest]) -> None:
    for name, pod in pods(everything).items():
        if "-worker-" in name:
            drains_s = float(environment(pod["spec"]["containers"][0])["TESSERA_DRAIN_S"])
            assert pod["spec"]["terminationGracePeriodSeconds"] > drains_s


def test_two_releases_in_a_namespace_have_no_object_in_common() -> None:
    one, two = ({(m["kind"], m["metadata"]["name"]) for m in render({}, n)} for n in ("a", "b"))
    assert len(one) == len(two)
    assert not one & two
