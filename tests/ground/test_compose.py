"""docker-compose.yml is valid, its images are pinned, and it sets what Settings knows."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobs.settings import Settings

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
    mounts = dict(mount.split(":")[1::-1] for mount in compose["services"]["gateway"]["volumes"])
    assert mounts["/data"] in compose["volumes"]
    assert mounts["/models"] == "models"


@pytest.mark.parametrize("worker", ["worker", "worker-gpu"])
def test_a_worker_keeps_what_it_prepared(compose: dict[str, Any], worker: str) -> None:
    """In the folder that the image names, which it creates for its own user."""
    mounts = dict(mount.split(":")[1::-1] for mount in compose["services"][worker]["volumes"])
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert "TESSERA_CACHE=/data/cache" in dockerfile
    assert "mkdir -p /data/cache" in dockerfile
    assert mounts["/data/cache"] in compose["volumes"]
    assert mounts["/models"] == "models"


def test_every_variable_is_a_setting(compose: dict[str, Any]) -> None:
    known = {f"TESSERA_{name.upper()}" for name in Settings.model_fields}
    for service in compose["services"].values():
        ours = {key for key in service.get("environment", {}) if key.startswith("TESSERA_")}
        assert ours <= known
