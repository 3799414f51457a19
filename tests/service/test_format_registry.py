"""A format that is added to the registry is served everywhere.

Each test would fail if the code that it exercises had a list of formats of its own.
"""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli.mask_targets import mask_targets
from imaging.errors import UnreadableScan
from imaging.formats import mask_file, overview, registry
from imaging.formats.sniff import open_scan, verify
from service.resources.routing_table import RoutingRule
from tests.support import dummy_formats
from tests.support.cards import CARDS
from tests.support.dummy_formats import dummy_bytes, dummy_voxels
from tests.support.finished_jobs import run_job
from tests.support.gateway import Gateway, Start
from tests.support.images import nifti_bytes
from tests.support.processes import environment

VOXELS = np.arange(5 * 6 * 7, dtype=np.uint8).reshape(5, 6, 7)
MASK = (VOXELS % 3 == 0).astype(np.uint8)
ROOT = Path(registry.__file__).parents[2]


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> None:
    """The dummy formats in the registry of this process."""
    for name in ("SCAN_FORMATS", "MASK_FORMATS", "REPORT_FORMATS"):
        monkeypatch.setattr(registry, name, getattr(registry, name))
    dummy_formats.add()


@pytest.fixture
def extended(start_gateway: Start) -> Gateway:
    """A gateway whose process has the dummy formats."""
    return start_gateway(prelude=dummy_formats.ADD)


@pytest.mark.usefixtures("added")
def test_scans_are_recognised_opened_and_verified(tmp_path: Path) -> None:
    (tmp_path / "scan").write_bytes(dummy_bytes(VOXELS))
    for scan in (open_scan(tmp_path / "scan"), verify(tmp_path / "scan")):
        assert (scan.format, scan.grid) == ("dummy", VOXELS.shape)
    (tmp_path / "text").write_text("no scan")
    with pytest.raises(UnreadableScan, match=r"Dummy \(\.dummy\)"):
        open_scan(tmp_path / "text")


@pytest.mark.usefixtures("added")
def test_masks_are_written_read_and_converted(tmp_path: Path) -> None:
    (tmp_path / "scan.nii").write_bytes(nifti_bytes())
    mask_file.write(tmp_path / "mask.nii.gz", MASK, open_scan(tmp_path / "scan.nii"))
    made = tmp_path / "mask.dummy"
    mask_file.deliver(tmp_path / "mask.nii.gz", tmp_path / "scan.nii", made)
    assert np.array_equal(mask_file.read(made), MASK)


@pytest.mark.usefixtures("added")
def test_the_command_knows_its_ending(tmp_path: Path) -> None:
    (target,) = mask_targets([tmp_path / "a.nii.gz"], tmp_path / "mask.dummy", None)
    assert target.path("nifti") == tmp_path / "mask.dummy"
    (target,) = mask_targets([tmp_path / "a.dummy"], tmp_path / "out", "dummy")
    assert target.path("nifti") == tmp_path / "out" / "a.dummy"


@pytest.mark.process
def test_the_command_offers_it(tmp_path: Path) -> None:
    """In `--format` and in the help of `--report`."""
    program = f"{dummy_formats.ADD}from cli.main import main\nmain(['segment', '--help'])"
    run = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(tmp_path, 1) | {"COLUMNS": "400"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    (choices,) = re.findall(r"--format \[(.*?)\]", run.stdout)
    assert choices.split("|")[-1] == "dummy"
    assert "Dummy report (.dummy.txt)" in run.stdout


@pytest.mark.usefixtures("added")
def test_routing_rules_and_the_table_of_the_docs_have_it() -> None:
    assert RoutingRule(model="solid", formats=("dummy",)).formats == ("dummy",)
    table = overview.markdown()
    assert "| Dummy | `dummy` | `.dummy` | volumes | masks of volumes |" in table


def test_the_api_describes_it(extended: Gateway) -> None:
    described = extended.client.get("/openapi.json").json()
    mask, report = (
        described["paths"][f"/v1/jobs/{{job_id}}/{kind}"]["get"] for kind in ("mask", "report")
    )
    assert _choices(mask)[-1] == "dummy"
    assert _choices(report)[-1] == "dummy-report"
    assert "application/x-dummy" in mask["responses"]["200"]["content"]
    assert "text/x-dummy" in report["responses"]["200"]["content"]
    models = described["components"]["schemas"]
    assert "dummy" in models["DeliveriesIn"]["properties"]["formats"]["items"]["enum"]
    form = described["paths"]["/v1/scans"]["post"]["requestBody"]["content"]
    files = form["multipart/form-data"]["schema"]["properties"]["files"]
    assert "Dummy (.dummy)" in files["description"]


def test_the_api_serves_it(extended: Gateway) -> None:
    """Uploaded as a scan; the mask and the report of its job are downloaded in it."""
    client = extended.client
    scan = extended.scan(dummy_bytes(VOXELS))
    assert client.get(f"/v1/scans/{scan}").json()["format"] == "dummy"
    job = str(extended.job(scan=scan, model=CARDS[1].name, priority=9)["id"])
    assert client.get(f"/v1/jobs/{job}/downloads").json() == []
    run_job_of_dummy(extended, job)
    answer = client.get(f"/v1/jobs/{job}/mask?format=dummy")
    assert np.array_equal(dummy_voxels(answer.content), MASK)
    assert answer.headers["content-type"] == "application/x-dummy"
    assert f"mask-{job}.dummy" in answer.headers["content-disposition"]
    report = client.get(f"/v1/jobs/{job}/report?format=dummy-report")
    accepted = client.get(f"/v1/jobs/{job}/report", headers={"Accept": "text/x-dummy"})
    assert report.text == accepted.text == "dummy report of solid"
    refused = client.get(f"/v1/jobs/{job}/mask?format=png").json()
    assert "dummy" in refused["expected"]


def run_job_of_dummy(gateway: Gateway, job: str) -> None:
    """Finishes a job whose scan this process must know how to open."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "SCAN_FORMATS", (*registry.SCAN_FORMATS, dummy_formats.SCAN))
        run_job(gateway, job, MASK)


def test_the_page_is_told_of_it(extended: Gateway) -> None:
    """The page lists uploads by /v1/formats, and downloads by a job's own list."""
    formats = {one["name"]: one for one in extended.client.get("/v1/formats").json()}
    assert formats["dummy"] == {
        "name": "dummy",
        "title": "Dummy",
        "endings": [".dummy"],
        "media_type": "application/x-dummy",
        "scan_dimensions": [3],
        "mask_dimensions": [3],
        "report": False,
        "scan_format": None,
        "delivery": "on request",
    }
    scan = extended.scan(nifti_bytes())
    job = str(extended.job(scan=scan, model=CARDS[1].name, priority=9)["id"])
    run_job(extended, job, MASK)
    files = extended.client.get(f"/v1/jobs/{job}/downloads").json()
    names = [(one["kind"], one["format"]) for one in files]
    assert names == [
        *(("mask", one.name) for one in registry.convertible("nifti", 3, "nifti")),
        ("mask", "dummy"),
        *(("report", one.name) for one in registry.REPORT_FORMATS if one.scan_format is None),
        ("report", "dummy-report"),
    ]
    for one in files:
        assert extended.client.get(one["url"]).status_code == 200


QUOTED = {"nifti", "NIfTI", "dicom", "DICOM", "json", "JSON", "csv", "CSV"}


def test_the_page_has_no_list_of_its_own() -> None:
    """Its sources quote no format but NIfTI, which its viewer reads, DICOM, as a noun, and JSON and
    CSV, in which other things than masks and reports can be had, too.

    The types of the API, which are made from the gateway's own list, are left out.
    """
    written = set((ROOT / "ui" / "src").rglob("*.ts")) - {ROOT / "ui" / "src" / "api_types.ts"}
    sources = {path: path.read_text() for path in written}
    assert sources
    names = {word for one in overview.overview() for word in (one.name, one.title)}
    for path, text in sources.items():
        for name in sorted(names - QUOTED):
            assert not re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", text), (path, name)


def _choices(operation: dict[str, Any]) -> list[str]:
    (schema,) = (one["schema"] for one in operation["parameters"] if one["name"] == "format")
    return list(schema["anyOf"][0]["enum"])
