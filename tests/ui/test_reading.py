"""Several readers and many masks: assignments, verdicts on several rows, unusual sizes."""

import re
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.support.finished_jobs import complete_report, run_job
from tests.support.finished_rows import add_finished, report_of
from tests.support.gateway import Gateway
from tests.support.images import nifti_bytes
from tests.support.page import watched

SHAPE = (24, 24, 20)
JOBS = 26


@pytest.fixture(scope="module")
def reading(gateway: Gateway) -> Gateway:
    """Jobs `j0` to `j25` as rows alone, the newest last, of which `j25` has a large liver."""
    scan = gateway.scan(nifti_bytes(SHAPE, 300), "rows.nii")
    changes = {"project": "local", "scans": {"t1": scan}, "model": "solid"}
    with gateway.repository() as repository:
        for n in range(JOBS):
            liver_ml = 5_032.0 if n == JOBS - 1 else 1_480.0 + n
            add_finished(repository, f"j{n}", report_of(liver=liver_ml), **changes)
    return gateway


@pytest.fixture
def page(browser: Browser, reading: Gateway) -> Iterator[Page]:
    yield from watched(browser, str(reading.client.base_url), "net::ERR_FAILED")  # a lost response


def row(page: Page, job: str) -> Locator:
    return page.locator(f".jobs li[data-job='{job}']")


def box(page: Page, job: str) -> Locator:
    return row(page, job).get_by_role("checkbox")


def chosen(page: Page, number: int) -> None:
    expect(page.locator(".selection .number")).to_have_text(f"{number} chosen")


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def verdicts(gateway: Gateway) -> dict[str, int]:
    found: dict[str, int] = gateway.client.get("/v1/jobs/counts").json()["verdicts"]
    return found


def test_several_rows_are_judged_at_once(page: Page, reading: Gateway) -> None:
    """By mouse and keyboard; a lost response gives no second review, and all can be undone."""
    box(page, "j25").click()
    box(page, "j23").click(modifiers=["Shift"])
    chosen(page, 3)
    box(page, "j24").click(modifiers=["Shift"])  # it stays chosen, and looks so
    expect(box(page, "j24")).to_be_checked()
    box(page, "j23").click(modifiers=["Shift"])
    page.keyboard.press("Space")
    chosen(page, 2)
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Shift+ArrowDown")
    chosen(page, 5)
    page.keyboard.press("Escape")
    expect(page.locator(".selection .bar")).to_be_hidden()
    page.keyboard.press("Control+a")
    chosen(page, JOBS)
    box(page, "j25").click()
    button(page, "Accept …").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("25 masks get the verdict “accepted”")
    dialog.get_by_label("Your name").fill("Ada")
    reading.client.post("/v1/jobs/j7/reviews", json={"verdict": "rejected", "reviewer": "Eve"})

    def lost(route: Route) -> None:  # the gateway has stored it, the response does not arrive
        route.fetch()
        route.abort()

    page.route("**/v1/batch-reviews", lost, times=1)
    dialog.get_by_role("button", name="Accept 25 masks").click()
    expect(dialog).to_contain_text("No connection")
    dialog.get_by_role("button", name="Try again").click()
    expect(page.locator(".undo")).to_contain_text(
        "24 masks accepted. Left out: 1 has a review that you have not seen."
    )
    chosen(page, 1)
    assert verdicts(reading) == {"accepted": 24, "rejected": 1, "to_review": 1}
    reviews = reading.client.get("/v1/jobs/j3/reviews").json()
    assert [one["reviewer"] for one in reviews] == ["Ada"]
    page.keyboard.press("u")
    expect(page.locator(".selection .said")).to_have_text("24 verdicts of 24 taken back.")
    assert verdicts(reading) == {"rejected": 1, "to_review": 25}


def test_unusual_sizes_are_shown_and_asked_about(page: Page, reading: Gateway) -> None:
    jobs = [{"id": f"j{n}"} for n in range(JOBS - 1)]
    body = {"verdict": "accepted", "jobs": jobs, "replace": True}
    reading.client.post("/v1/batch-reviews", json=body)
    expect(row(page, "j25").locator(".warnings")).to_have_text("⚠ liver 3.4×")
    reason = re.compile(r"^volume of liver 3\.4 times the usual 1,4[89]0 ml$")
    expect(row(page, "j25").locator(".warnings")).to_have_attribute("aria-label", reason)
    box(page, "j25").click()
    button(page, "Accept …").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Accept 0 masks")).to_be_disabled()
    dialog.get_by_label("that may be wrong").check()
    dialog.get_by_role("button", name="Accept 1 mask").click()
    expect(row(page, "j25")).to_have_attribute("data-verdict", "accepted")
    model = row(page, "j25").locator(".model")  # is seen beside a verdict and a warning
    assert model.evaluate("one => one.clientWidth >= Math.min(one.scrollWidth, 80)")


def test_jobs_are_assigned_and_lead_to_the_next(page: Page, reading: Gateway) -> None:
    """Mine come first, those of others are left to them; changes of others are shown at once."""
    scan = reading.scan(nifti_bytes(SHAPE, 301), "real.nii")
    others, mine, first = (
        str(reading.job(scan=scan, model="solid", priority=9)["id"]) for _ in range(3)
    )
    for job in (others, mine, first):
        run_job(reading, job, np.ones(SHAPE, np.uint8))
        complete_report(reading, job)
    page.evaluate(f"location.hash = 'job={first}'")
    expect(page.locator("#accepted")).to_be_enabled()
    page.locator("#reviewer").fill("Ada")
    page.locator("#reviewer").blur()
    for job, name in ((mine, "Me (Ada)"), (others, "Nobody")):
        box(page, job).click()
        page.locator(".selection").get_by_role("button", name="Assign …").click()
        page.get_by_role("dialog").get_by_role("button", name=name).click()
        expect(page.locator(".selection .bar")).to_be_hidden()  # it is done
    expect(row(page, mine).locator(".model")).to_contain_text("for Ada")
    reading.client.put(f"/v1/jobs/{others}/assignee", json={"assignee": "Eve"})
    expect(row(page, others).locator(".model")).to_contain_text("for Eve")
    page.locator("header.job h1").click()
    page.keyboard.press("s")
    page.wait_for_url(f"**/#job={mine}")
    expect(page.locator("header.job .facts")).to_contain_text("assigned to Ada")
    expect(page.locator("#accepted")).to_be_enabled()
    page.keyboard.press("a")
    page.wait_for_url(f"**/#job={first}")  # not the one of Eve, which is nearer
    expect(page.locator("#undo")).to_be_visible()
    box(page, others).click()  # one bar takes back what was done last
    page.locator(".selection").get_by_role("button", name="Assign …").click()
    page.get_by_role("dialog").get_by_role("button", name="Nobody").click()
    expect(page.locator(".undo")).to_contain_text("1 job assigned to nobody.")
    page.keyboard.press("u")
    expect(page.locator(".selection .said")).to_have_text("1 assignment of 1 taken back.")
    expect(row(page, mine)).to_have_attribute("data-verdict", "accepted")
    row(page, first).locator("a").press("PageDown")  # not the image's next slices
    expect(page.locator(".jobs a:focus")).to_have_count(1)
    expect(row(page, first).locator("a")).not_to_be_focused()
    page.click(".more summary")
    for choice, job in (("Me (Ada)", mine), ("Eve (1)", others)):
        page.get_by_label("Assigned to", exact=True).select_option(label=choice)
        expect(page.locator(".found")).to_have_text("1 job")
        expect(row(page, job)).to_be_visible()
    reading.client.delete(f"/v1/scans/{scan}")
