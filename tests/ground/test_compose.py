"""docker-compose.yml is valid, its images are pinned, and it sets what Settings knows."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobs.settings import Settings
from tests.support.containers.compose import containers, mounts
from tests.support.containers.policy import violations

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


@pytest.mark.process
def test_it_is_valid_by_the_compose_specification() -> None:
    schema = ["--builtin-schema", "vendor.compose-spec"]
    command = [sys.executable, "-m", "check_jsonschema", *schema, str(ROOT / "docker-compose.yml")]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.process
def test_a_fault_is_found_by_the_same_validator(tmp_path: Path, compose: dict[str, Any]) -> None:
    compose["services"]["gateway"]["prots"] = ["1:1"]
    broken = tmp_path / "docker-compose.yml"
    broken.write_text(yaml.safe_dump(compose))
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*command, str(broken)], capture_output=True, text=True, cwd="/")
    assert done.returncode != 0


def test_images_are_pinned_and_parts_are_there(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert {"gateway", "worker", "worker-gpu", "redis", "postgres", "s3"} <= set(services)
    assert services["worker-gpu"]["profiles"] == ["gpu"]
    for name, service in services.items():
        if "build" not in service:
            tag = service["image"].partition(":")[2]
            assert tag[:1].isdigit(), f"{name}: {service['image']}"
            assert "." in tag


def test_ports_are_open_on_loopback_alone(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_the_gateway_keeps_its_data_folder(compose: dict[str, Any]) -> None:
    """Received DICOM and the secret behind the pseudonyms survive `docker compose down`."""
    volumes = mounts(compose["services"]["gateway"])
    assert volumes["/data"] in compose["volumes"]
    assert volumes["/models"] == "models"


@pytest.mark.parametrize("worker", ["worker", "worker-gpu"])
def test_a_worker_keeps_what_it_prepared(compose: dict[str, Any], worker: str) -> None:
    """In the folder that the image names, which it creates for its own user."""
    volumes = mounts(compose["services"][worker])
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert "TESSERA_CACHE=/data/cache" in dockerfile
    assert "mkdir -p /data/cache" in dockerfile
    assert volumes["/data/cache"] in compose["volumes"]
    assert volumes["/models"] == "models"


def test_every_variable_is_a_setting(compose: dict[str, Any]) -> None:
    known = {f"TESSERA_{name.upper()}" for name in Settings.model_fields}
    for service in compose["services"].values():
        ours = {key for key in service.get("environment", {}) if key.startswith("TESSERA_")}
        assert ours <= known


def test_every_container_keeps_to_the_policy(compose: dict[str, Any]) -> None:
    for container in containers(compose):
        assert violations(container) == [], container.name


FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "user of the image": ("runs as root, or as a user that the image decides", {"user": None}),
    "root": ("runs as root, or as a user that the image decides", {"user": "0:0"}),
    "writable": ("can write to its root file system", {"read_only": False}),
    "capabilities": ("has capabilities", {"cap_drop": ["NET_RAW"]}),
    "another capability": ("has capabilities", {"cap_add": ["SYS_ADMIN"]}),
    "privileged": ("is privileged", {"privileged": True}),
    "set-user-ID": ("can gain privileges", {"security_opt": []}),
    "seccomp": (
        "may use every system call",
        {"security_opt": ["no-new-privileges:true", "seccomp:unconfined"]},
    ),
    "memory": ("has no memory limit", {"deploy": {"resources": {"limits": {"pids": 9}}}}),
    "network of the host": ("shares something with the host", {"network_mode": "host"}),
    "Docker's socket": (
        "shares something with the host",
        {"volumes": ["/var/run/docker.sock:/var/run/docker.sock"]},
    ),
    "no health check": ("has no health check", {"healthcheck": {"disable": True}}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_found(compose: dict[str, Any], fault: str) -> None:
    message, change = FAULTS[fault]
    worker = {**compose["services"]["worker"], **change}
    (container,) = containers({"services": {"worker": worker}})
    assert violations(container) == [message]


def test_only_the_gateway_is_in_a_network_that_leads_out(compose: dict[str, Any]) -> None:
    inner = {
        name for name, network in compose["networks"].items() if (network or {}).get("internal")
    }
    outer = {
        name for name, service in compose["services"].items() if set(service["networks"]) - inner
    }
    assert outer == {"gateway"}


def test_processes_are_limited_and_logs_rotated(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        assert service["deploy"]["resources"]["limits"]["pids"] > 0
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}


def test_compose_writes_no_file_into_a_container(compose: dict[str, Any]) -> None:
    """It cannot where the root is read-only."""
    assert "configs" not in compose
    assert "secrets" not in compose


def test_the_user_of_the_image_owns_its_folders(compose: dict[str, Any]) -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert f"USER {compose['services']['gateway']['user']}\n" in dockerfile
    assert "useradd --uid 10001 --gid tessera" in dockerfile
