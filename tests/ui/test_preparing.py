"""The page says that a job waits until its network is prepared."""

import re
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from tests.support.convolutions import network
from tests.support.installation import Installation
from tests.support.page import watched

pytestmark = pytest.mark.slow


def test_the_first_job_of_a_fresh_worker(
    browser: Browser, installation: Installation, tmp_path: Path
) -> None:
    network(installation.models / "deep", "deep", 24, layers=8)  # takes seconds to measure
    scan = tmp_path / "scan.nii"
    noise = np.random.default_rng(0).normal(size=(24, 24, 24)).astype(np.float32)
    nib.save(nib.Nifti1Image(noise, np.eye(4)), scan)
    gateway = installation.gateway(dicom_port="0")
    files = {"files": (scan.name, scan.read_bytes())}
    sent = gateway.client.post("/v1/scans", files=files).raise_for_status()
    order = {"scan": sent.json()["id"], "model": "deep", "options": {"precision": "fp32"}}
    job = gateway.client.post("/v1/jobs", json=order).raise_for_status().json()["id"]
    for page in watched(browser, f"{gateway.client.base_url}"):
        page.evaluate(f"location.hash = 'job={job}'")
        expect(page.locator("#pill")).to_have_text("waiting")
        installation.worker(cache=str(tmp_path / "fresh"))
        said = re.compile(
            "Preparing the network.*usually only the first job of a model waits for this"
        )
        expect(page.locator(".banner")).to_contain_text(said)
        expect(page.locator("#pill")).to_have_text("to review")
