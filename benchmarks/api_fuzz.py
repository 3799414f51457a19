"""Runs schemathesis on the whole API of a gateway, with a key and without.

    python -m venv FUZZ && FUZZ/bin/pip install schemathesis
    python -P benchmarks/api_fuzz.py FUZZ/bin/schemathesis [--seconds 600] [--seed 1] [--log FILE]

The gateway has accounts, and one of everything that a project can have without a worker. A third of
the time each: requests with a key that name what exists, and delete nothing; with a key and any
ids; without a key. Ends with an error if a response was a 5xx or is not in
the API's description, if the gateway ended or logged a traceback, or if it does not answer.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE))  # last: jobs.py is in this folder, and `jobs` is a package of Tessera
sys.path.append(str(HERE.parent))

from gateway_process import free_port, running  # noqa: E402

from jobs.account import ProjectRole  # noqa: E402
from jobs.settings import Settings  # noqa: E402
from tests.support.other_project import filled_project  # noqa: E402
from tests.support.stored_accounts import stored_keys  # noqa: E402

HOOKS = "schemathesis_hooks"
MODEL = "hippocampus-mri-3d"
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "ignored_auth",
)
ENDLESS = ("/v1/jobs/events", "/v1/jobs/{job_id}/events", "/v1/trainings/{training_id}/events")
"""Streams of events do not end."""


def main() -> None:
    """Divides the time; raises SystemExit for findings."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("schemathesis", type=Path)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log", type=Path, default=Path("api-fuzz.log"), help="of the gateway")
    options = parser.parse_args()
    findings = []
    with tempfile.TemporaryDirectory() as folder, gateway(options.log) as (client, key, ids):
        config = Path(folder) / "schemathesis.toml"
        for name, headers, known in (
            ("with a key and ids that exist", key, ids),
            ("with a key and any ids", key, {}),
            ("without a key", {}, {}),
        ):
            print(f"{name.capitalize()}:", flush=True)
            lines = [f'"path.{name}" = "{value}"' for name, value in known.items()]
            config.write_text("\n".join(["[parameters]", *lines, ""]), "utf-8")
            command = tool(options, config, str(client.base_url), headers)
            command += ["--exclude-method=DELETE"] if known else []
            hooks = {"SCHEMATHESIS_HOOKS": "tessera_hooks", "PYTHONPATH": str(HERE / HOOKS)}
            if subprocess.run(command, check=False, cwd=folder, env=os.environ | hooks).returncode:
                findings.append(f"{name}: see the tool's report")
        if client.get("/healthz").status_code != httpx.codes.OK:
            findings.append("the gateway is not healthy afterwards")
    if "Traceback" in options.log.read_text("utf-8"):
        findings.append(f"there is a traceback in {options.log}")
    if findings:
        raise SystemExit("Findings: " + "; ".join(findings) + ".")
    print("No findings.")


def tool(options: argparse.Namespace, config: Path, url: str, headers: dict[str, str]) -> list[str]:
    """The tool's command line."""
    return [
        str(options.schemathesis.absolute()),
        f"--config-file={config}",
        "run",
        f"{url}/openapi.json",
        f"--max-time={options.seconds // 3}",
        f"--seed={options.seed}",
        f"--checks={','.join(CHECKS)}",
        "--continue-on-failure",
        "--request-timeout=30",
        "--warnings=off",
        *(f"--exclude-path={path}" for path in ENDLESS),
        *(f"--header={name}: {value}" for name, value in headers.items()),
    ]


@contextmanager
def gateway(log: Path) -> Iterator[tuple[httpx.Client, dict[str, str], dict[str, str]]]:
    """A client, an administrator's key, and ids; of a gateway without a worker, on SQLite."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder, log.open("wb") as errors:
        settings = Settings(data=Path(folder), broker_url="file://")
        keys = stored_keys(settings)
        environment = {
            "TESSERA_DATA": folder,
            "TESSERA_BROKER_URL": "file://",
            "TESSERA_PORT": str(port),
        }
        command = [Path(sys.executable).parent / "tessera", "gateway"]
        with running(command, port, environment, errors) as client:
            admin = keys.of_role[ProjectRole.ADMINISTRATOR]
            yield client, admin, filled_project(client, admin, settings, MODEL)


if __name__ == "__main__":
    main()
