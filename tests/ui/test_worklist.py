"""The worklist in a browser: 5,000 jobs, of which the server filters, sorts and counts."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from jobs.job import JobState
from jobs.job_filter import JobCounts, JobFilter, JobSort, Verdict
from tests.support.claims import claimed
from tests.support.finished_jobs import complete_report, run_job
from tests.support.gateway import Gateway
from tests.support.images import nifti_bytes
from tests.support.many_jobs import PROJECT, SCANS, scan_name, store_jobs, subject
from tests.support.page import watched

JOBS = 5_000
MOST_ROWS = 60
"""Rows that may be elements at the same time, of however many jobs."""
AT_REST = """() => {
    const { scrollTop } = document.querySelector('.worklist .scroll')
    const still = window.seenAt === scrollTop
    window.seenAt = scrollTop
    return still
}"""


@pytest.fixture(scope="module")
def many(gateway: Gateway) -> Gateway:
    """A gateway without a worker that has 5,000 jobs."""
    with gateway.repository() as repository:
        store_jobs(repository, JOBS)
    return gateway


@pytest.fixture
def page(browser: Browser, many: Gateway) -> Iterator[Page]:
    for opened in watched(browser, f"http://127.0.0.1:{many.port}"):
        opened.wait_for_selector("[data-job]")
        yield opened


def counts(gateway: Gateway, **wanted: Any) -> JobCounts:
    with gateway.repository() as repository:
        return repository.worklist.counts(PROJECT, JobFilter(**wanted))


def ids(gateway: Gateway, sort: JobSort = JobSort.NEWEST, offset: int = 0, **by: Any) -> list[str]:
    with gateway.repository() as repository:
        jobs, _ = repository.worklist.page(
            PROJECT, JobFilter(**by), sort=sort, offset=offset, limit=5
        )
    return [job.id for job in jobs]


def found(page: Page, number: int) -> None:
    """Waits until the page says that so many jobs are in the list."""
    expect(page.locator(".found")).to_have_text(f"{number:,} jobs")


def row(page: Page, number: int) -> Locator:
    """The row with this number, from 1."""
    return page.locator(f".jobs li[aria-posinset='{number}'][data-job]")


def first_rows(page: Page, wanted: list[str]) -> None:
    for number, job in enumerate(wanted, start=1):
        expect(row(page, number)).to_have_attribute("data-job", job)


def choose(page: Page, label: str, value: str) -> None:
    page.get_by_label(label, exact=True).select_option(value)


def test_only_rows_on_screen_are_elements(page: Page, many: Gateway) -> None:
    """Scrolled by hand and by jumps, each row has its job; the last one is the oldest."""
    total = counts(many).total
    found(page, total)
    first_rows(page, ids(many))
    expect(row(page, 1)).to_have_attribute("aria-setsize", str(total))
    list_ = page.locator(".worklist .scroll")
    list_.hover()
    for _ in range(10):
        page.mouse.wheel(0, 900)
    # else its smooth scrolling would go on after a jump
    page.wait_for_function(AT_REST, polling=200)
    for place in (total // 2, total - 5):
        list_.evaluate(
            "(node, part) => { node.scrollTop = node.scrollHeight * part }", place / total
        )
        expect(row(page, place + 2)).to_have_attribute("data-job", ids(many, offset=place + 1)[0])
        assert page.locator(".jobs li").count() < MOST_ROWS
    expect(row(page, total)).to_be_visible()
    expect(row(page, total)).to_have_attribute("data-job", ids(many, JobSort.OLDEST)[0])
    shown = page.eval_on_selector_all(
        ".jobs li", "rows => rows.map(row => Number(row.getAttribute('aria-posinset')))"
    )
    assert shown == sorted(shown), "a screen reader reads the rows in their order"


def test_tabs_with_their_counts(page: Page, many: Gateway) -> None:
    tabs: dict[str, dict[str, Any]] = {
        "review": {"verdicts": (Verdict.TO_REVIEW,)},
        "reviewed": {"verdicts": (Verdict.ACCEPTED, Verdict.CORRECTED, Verdict.REJECTED)},
        "open": {"states": (JobState.QUEUED, JobState.RUNNING)},
        "failed": {"states": (JobState.FAILED, JobState.CANCELLED)},
        "all": {},
    }
    for tab, wanted in tabs.items():
        number = counts(many, **wanted).total
        option = page.locator(f".filters option[value={tab}]")
        expect(option).to_have_text(re.compile(rf"\({number:,}\)$"))
        choose(page, "Filter", tab)
        found(page, number)
        first_rows(page, ids(many, **wanted))


def test_orders(page: Page, many: Gateway) -> None:
    for sort in reversed(JobSort):
        choose(page, "Order", sort.value)
        first_rows(page, ids(many, sort))


def test_search_and_more_filters(page: Page, many: Gateway) -> None:
    search = page.get_by_label("Search names of scans")
    search.fill(scan_name(123).upper()[:12])
    found(page, JOBS // SCANS)
    patient = str(subject(123))
    search.fill(patient[3:].lower())
    found(page, JOBS // SCANS)
    row = page.get_by_role("link", name=re.compile(f"{patient} {scan_name(123)}")).first
    expect(row).to_contain_text("2026-03-02")
    page.get_by_role("button", name="Clear filters").click()
    expect(search).to_have_value("")
    page.click(".more summary")
    for label, value, wanted in (
        ("Model", "nuclei-2d", {"model": "nuclei-2d"}),
        ("Modality", "CT", {"model": "nuclei-2d", "modality": "CT"}),
    ):
        choose(page, label, value)
        found(page, counts(many, **wanted).total)
    page.get_by_role("button", name="Clear filters").click()
    choose(page, "Reader", "Dr. Okafor")
    found(page, counts(many, reviewer="Dr. Okafor").total)
    search.fill("nonesuch")
    expect(page.locator(".empty")).to_have_text("No job matches these filters.")
    search.fill("")
    choose(page, "Reader", "")
    page.get_by_label("To", exact=True).fill("2001-01-01")
    expect(page.locator(".empty")).to_be_visible()
    page.get_by_label("From", exact=True).fill("2001-01-01")
    page.get_by_label("To", exact=True).fill("2101-01-01")
    found(page, counts(many).total)


def test_saved_views(page: Page, many: Gateway) -> None:
    """They are there after a reload; what was searched is not stored."""
    page.click(".more summary")
    choose(page, "Filter", "failed")
    choose(page, "Model", "nuclei-2d")
    page.get_by_label("Search names of scans").fill("subject")
    page.get_by_label("Name of the view").fill("Nuclei that failed")
    page.get_by_role("button", name="Save", exact=True).click()
    assert "subject" not in page.evaluate("JSON.stringify(localStorage)")
    page.reload()
    page.click(".more summary")
    choose(page, "Saved views", "Nuclei that failed")
    wanted = {"states": (JobState.FAILED, JobState.CANCELLED), "model": "nuclei-2d"}
    found(page, counts(many, **wanted).total)
    expect(page.get_by_label("Model", exact=True)).to_have_value("nuclei-2d")
    page.get_by_role("button", name="Delete view").click()
    page.reload()
    expect(page.locator(".views option")).to_have_count(1)


def test_by_keyboard(page: Page, many: Gateway) -> None:
    """The list is one stop of Tab; arrows, Page Down, Home and End move in it."""
    page.get_by_text("More filters and views").focus()
    page.keyboard.press("Tab")
    expect(row(page, 1).locator("a")).to_be_focused()
    total = counts(many).total
    for key, number in (("ArrowDown", 2), ("End", total), ("ArrowUp", total - 1), ("Home", 1)):
        page.keyboard.press(key)
        expect(row(page, number).locator("a")).to_be_focused()
        expect(row(page, number)).to_be_in_viewport()
    page.keyboard.press("PageDown")
    expect(row(page, 1).locator("a")).not_to_be_focused()
    page.locator(".worklist .scroll").evaluate("node => { node.scrollTop = node.scrollHeight / 2 }")
    expect(row(page, total // 2 + 3)).to_be_visible()
    focused = page.evaluate("document.activeElement.closest('.jobs li') !== null")
    assert focused, "a focused row stays, also where it is scrolled out of sight"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.worklist') === null")


def test_rows_are_live_wherever_they_are(page: Page, many: Gateway) -> None:
    """Rows far down change by themselves, all by one stream."""
    streams: list[str] = []
    page.on("request", lambda one: streams.append(one.url) if "/events" in one.url else None)
    choose(page, "Filter", "open")
    waiting = counts(many, states=(JobState.QUEUED,)).total
    found(page, waiting)
    page.locator(".worklist .scroll").evaluate("node => { node.scrollTop = node.scrollHeight / 2 }")
    number = waiting // 2 + 4
    job = ids(many, offset=number - 1, states=(JobState.QUEUED,))[0]
    expect(row(page, number)).to_have_attribute("data-job", job)
    with page.expect_request(re.compile(job)):  # the stream of the rows that are now on screen
        pass
    with many.repository() as repository:
        held = claimed(repository, job, 600)
        expect(page.locator(f"[data-job='{job}']")).to_have_attribute("data-state", "running")
        repository.leases.fail(job, held.fence, {"title": "Bad", "detail": "It broke."})
    expect(page.locator(f"[data-job='{job}']")).to_have_count(0)
    found(page, waiting - 1)
    assert streams
    assert all("/v1/jobs/events?id=" in url for url in streams)


@pytest.fixture
def reviewable(many: Gateway) -> Iterator[list[str]]:
    """Three jobs of a real scan, the newest of all, with masks: their ids, newest first."""
    scan = many.scan(nifti_bytes(seed=99), "real.nii.gz")
    jobs = [str(many.job(scan=scan, model="solid")["id"]) for _ in range(3)]
    for job in jobs:
        run_job(many, job, np.ones((5, 6, 7), np.uint8))
        complete_report(many, job)
    yield jobs[::-1]
    many.client.delete(f"/v1/scans/{scan}")


def test_keys_lead_through_the_list_that_is_shown(
    page: Page, many: Gateway, reviewable: list[str]
) -> None:
    """Also after the job on screen has left it, because it was accepted."""
    choose(page, "Filter", "review")
    page.get_by_label("Search names of scans").fill("real")
    found(page, 3)
    page.locator("h1").first.click()
    for job in reviewable[:2]:
        page.keyboard.press("j")
        page.wait_for_url(f"**/#job={job}")
        expect(page.locator(f"[data-job='{job}'] a")).to_have_attribute("aria-current", "page")
    expect(page.locator("#accepted")).to_be_enabled()
    page.keyboard.press("a")
    page.wait_for_url(f"**/#job={reviewable[2]}")  # the next one opens by itself
    expect(page.locator(f"[data-job='{reviewable[1]}']")).to_have_count(0)
    page.keyboard.press("k")
    page.wait_for_url(f"**/#job={reviewable[0]}")
    page.keyboard.press("j")
    page.wait_for_url(f"**/#job={reviewable[2]}")
    expect(page.locator("#accepted")).to_be_enabled()


def test_the_next_mask_is_found_though_its_row_is_not_loaded(
    page: Page, many: Gateway, reviewable: list[str]
) -> None:
    """In a list of failed jobs there is none to judge."""
    choose(page, "Filter", "failed")
    found(page, counts(many, states=(JobState.FAILED, JobState.CANCELLED)).total)
    page.goto(f"{page.url.partition('#')[0]}#job={reviewable[0]}")
    expect(page.locator("#accepted")).to_be_enabled()
    page.keyboard.press("s")
    page.wait_for_url(f"**/#job={reviewable[1]}")
    expect(page.locator("#accepted")).to_be_enabled()
    page.goto("about:blank")  # it may load the next scan ahead, which is deleted now


def test_a_scan_is_deleted_after_a_dialog_that_says_what_goes(
    page: Page, many: Gateway, reviewable: list[str]
) -> None:
    review = {"verdict": "accepted"}
    many.client.post(f"/v1/jobs/{reviewable[0]}/reviews", json=review)
    before = counts(many).total
    page.locator(f"[data-job='{reviewable[0]}'] a").click()
    page.wait_for_selector(".stage[data-mask=shown]")
    page.get_by_role("button", name="Delete scan").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("3 jobs with mask and report, and 1 review.")
    dialog.get_by_role("button", name="Keep it").click()
    expect(dialog).to_be_hidden()
    assert counts(many).total == before
    page.get_by_role("button", name="Delete scan").click()
    dialog.get_by_role("button", name="Delete", exact=True).click()
    page.wait_for_url("**/#new")
    expect(page.locator(f"[data-job='{reviewable[0]}']")).to_have_count(0)
    found(page, before - 3)
