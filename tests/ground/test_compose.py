"""docker-compose.yml is valid, its images are pinned, and it sets what Settings knows."""

import json
import re
import ssl
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobs.settings import Settings
from jobs.settings.names import known_variables
from jobs.settings.secret import FILE_ENDING, PREFIX, SecretFiles, is_secret
from scripts.pin_images import FILES, pinned, text_of, unpinned
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
            tag = service["image"].partition("@")[0].partition(":")[2]
            assert tag[:1].isdigit(), f"{name}: {service['image']}"
            assert "." in tag


def test_only_the_gateway_has_a_port_on_loopback(compose: dict[str, Any]) -> None:
    ports = {name: one["ports"] for name, one in compose["services"].items() if "ports" in one}
    assert ports == {"gateway": ["127.0.0.1:8000:8000"]}


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
    known = set(known_variables())
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


def test_no_secret_is_in_a_variable_or_a_command(compose: dict[str, Any]) -> None:
    """Anybody who may inspect a container would see it, and every program in it."""
    fields = Settings.model_fields.items()
    secret = {f"{PREFIX}{name.upper()}" for name, field in fields if is_secret(field)}
    for name, service in compose["services"].items():
        variables = set(service.get("environment", {}))
        assert not variables & (secret - {"TESSERA_S3_ACCESS_KEY"}), name  # which names a user
        suspect = re.compile("PASSWORD|SECRET|TOKEN|CREDENTIAL|HEADERS")
        assert not [v for v in variables if suspect.search(v) and not v.endswith(FILE_ENDING)]
    values = re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text())
    assert set(values) == {"GATEWAY_MEMORY", "WORKER_MEMORY"}


def test_each_container_has_the_secrets_that_it_names(compose: dict[str, Any]) -> None:
    """They are files of the host: Compose cannot write others where the root is read-only."""
    assert "configs" not in compose
    for name, secret in compose["secrets"].items():
        assert secret == {"file": f"./secrets/{name}"}
    for name, service in compose["services"].items():
        parts = [service.get(key, "") for key in ("environment", "command", "healthcheck")]
        named = set(re.findall(r"/run/secrets/(\w+)", str(parts)))
        assert named == set(service.get("secrets", [])), name


def test_the_gateway_speaks_https(compose: dict[str, Any]) -> None:
    gateway = compose["services"]["gateway"]
    assert {"TESSERA_TLS_CERTIFICATE", "TESSERA_TLS_KEY"} <= set(gateway["environment"])
    assert "https://127.0.0.1:8000/healthz" in gateway["healthcheck"]["test"][-1]


@pytest.mark.process
def test_the_secrets_fit_together_and_are_kept(tmp_path: Path, compose: dict[str, Any]) -> None:
    folder = tmp_path / "secrets"
    for _ in range(2):
        subprocess.run([ROOT / "scripts" / "compose_secrets", folder], check=True)
        texts = {path.name: path.read_text().strip() for path in folder.iterdir()}
    assert texts.keys() == compose["secrets"].keys()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o444}
    assert f":{texts['postgres_password']}@postgres/" in texts["database_url"]
    password = texts["broker_url"].removeprefix("redis://:").partition("@")[0]
    assert f"requirepass {password}" in texts["redis_conf"].splitlines()
    (identity,) = json.loads(texts["s3_identities"])["identities"]
    assert identity["credentials"][0]["secretKey"] == texts["s3_secret_key"]
    context = ssl.create_default_context(cafile=folder / "tls_certificate")
    context.load_cert_chain(folder / "tls_certificate", folder / "tls_key")
    for name in ("database_url", "broker_url", "s3_secret_key"):
        variables = {f"TESSERA_{name.upper()}_FILE": str(folder / name)}
        assert SecretFiles(Settings, variables)() == {name: texts[name]}


def test_secrets_get_into_no_image_and_no_commit() -> None:
    assert "secrets" in (ROOT / ".dockerignore").read_text().splitlines()
    assert "/secrets/" in (ROOT / ".gitignore").read_text().splitlines()


def test_images_are_found_and_pinned_by_digest() -> None:
    """The digests are looked up at a release, which stops without them."""
    digest = "sha256:" + "0" * 64
    for name in FILES:
        text = text_of(name)
        done = pinned(text, lambda _: digest)
        assert unpinned(done) == []
        assert pinned(done, lambda _: digest) == done
        assert done.count(digest) >= 3
        assert done.replace(f"@{digest}", "") == re.sub("@sha256:[0-9a-f]{64}", "", text)
    assert "pin_images.py --check" in (ROOT / ".github/workflows/release.yml").read_text()


def test_the_user_of_the_image_owns_its_folders(compose: dict[str, Any]) -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert f"USER {compose['services']['gateway']['user']}\n" in dockerfile
    assert "useradd --uid 10001 --gid tessera" in dockerfile
