"""The page among archives: a series is found, fetched, segmented, and its results sent back."""

import re

from playwright.sync_api import Browser, expect

from tests.support.archive_rules import MODALITIES, check, delivered, routes
from tests.support.dicom.mr_series import DESCRIPTION, NUMBER, series
from tests.support.installation import Installation
from tests.support.orthanc import Orthanc
from tests.support.page import watched


def test_from_the_archive_and_back(
    browser: Browser, orthanc: Orthanc, installation: Installation
) -> None:
    images = series(24, 32)
    orthanc.put(images)
    gateway = installation.gateway(routes(orthanc, modality="XX"))
    installation.worker()
    for page in watched(browser, str(gateway.client.base_url)):
        page.get_by_text("Fetch a series from an archive").click()
        page.locator(".archive [name=PatientID]").fill(NUMBER)
        page.locator(".archive button[type=submit]").click()
        row = page.locator(".archive li")
        expect(row).to_have_count(1)
        expect(row).to_contain_text(DESCRIPTION)
        expect(row).to_contain_text("24 images")
        row.get_by_text("Fetch").click()
        expect(page.locator(".uploads > li")).to_have_attribute("data-state", "ready")
        page.locator("label.card input").first.check(force=True)
        page.click("#start")
        page.wait_for_url(re.compile("#job="))
        page.get_by_text("Send to archive").click()
        sent = page.locator(".deliveries li[data-state=sent]")
        expect(sent).to_have_count(len(MODALITIES))
    assert delivered(orthanc)
    check(orthanc, images)
