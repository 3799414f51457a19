"""Every view of the page by keyboard, by screen reader, enlarged, and in the system's own colours."""

from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.support.cards import CARDS
from tests.support.finished_jobs import run_job
from tests.support.gateway import Gateway, start
from tests.support.images import nifti_bytes
from tests.support.page import watched

SHAPE = (24, 24, 20)
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
MOST_STOPS = 15
"""Tab stops from the top of the page to Accept."""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("accessible")
    for one in CARDS:
        (folder / "models" / one.name).mkdir(parents=True)
        one.save(folder / "models" / one.name / "card.json")
    gateway = start(folder / "data", models=str(folder / "models"))
    yield gateway
    gateway.stop()


@pytest.fixture(scope="module")
def job(gateway: Gateway) -> str:
    """A volume with a mask that waits for a review, in a worklist of several."""
    for seed in range(3):
        scan = gateway.scan(nifti_bytes(SHAPE, seed), f"scan-{seed}.nii")
        job = str(gateway.job(scan=scan, model="solid")["id"])
        mask = np.zeros(SHAPE, np.uint8)
        mask[4:20, 6:16, 5:15] = 1
        run_job(gateway, job, mask)
    return job


@pytest.fixture
def page(browser: Browser, gateway: Gateway) -> Iterator[Page]:
    yield from watched(browser, str(gateway.client.base_url))


def open_job(page: Page, job: str) -> None:
    page.evaluate(f"location.hash = 'job={job}'")
    page.wait_for_selector(".stage[data-mask=shown]")
    expect(page.locator("#accepted")).to_be_enabled()


def violations(page: Page) -> list[str]:
    found: list[dict[str, Any]] = Axe().run(page, options=RULES).response["violations"]
    return [
        f"{one['id']} ({one['impact']}): {one['help']}: {node['html'][:200]} {node['failureSummary'][:200]}"
        for one in found
        for node in one["nodes"]
    ]


def test_views(page: Page, job: str) -> None:
    print("\nSTART", *violations(page), sep="\n  ")
    open_job(page, job)
    page.wait_for_load_state("networkidle")
    print("\nJOB", *violations(page), sep="\n  ")
    page.keyboard.press("r")
    print("\nREASONS", *violations(page), sep="\n  ")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    print("\nHELP", *violations(page), sep="\n  ")
    page.keyboard.press("Escape")
    page.evaluate("document.activeElement.blur()")
    for n in range(60):
        page.keyboard.press("Tab")
        print(n, page.evaluate("(e => `${e.tagName} ${e.id} ${e.className} ${e.ariaLabel ?? ''} ${e.textContent.slice(0,40)}`)(document.activeElement)"))
    print(page.locator("body").aria_snapshot())
    page.screenshot(path="/tmp/lead/job.png")
