"""A reader judges one mask after the other by keyboard, and a second reader does the same."""

import random
import re
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from jobs.review import Reason
from tests.support.finished_jobs import finished_job
from tests.support.gateway import Gateway
from tests.support.images import nifti_bytes

SHAPE = (24, 24, 20)
STEPS = 50
MOVED_ON = """job => location.hash !== `#job=${job}` ||
    document.querySelector('.verdict .result').textContent.includes('No other mask')"""


class Worklist:
    """Masks that wait for a review, the newest first as in the page's worklist."""

    def __init__(self, gateway: Gateway, number: int, seed: int) -> None:
        self.client = gateway.client
        for job in self.client.get("/v1/jobs").json()["jobs"]:
            if job["verdict"] is None:  # of an earlier test
                self.judge(job["id"], "accepted")
        self.jobs = [self._finished(gateway, seed + n) for n in range(number)][::-1]

    def _finished(self, gateway: Gateway, seed: int) -> str:
        mask = np.zeros(SHAPE, np.uint8)
        mask[4:20, 6:16, 5:15] = 1
        return finished_job(gateway, nifti_bytes(SHAPE, seed), f"scan-{seed}.nii", mask, priority=9)

    def reviews(self, job: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.get(f"/v1/jobs/{job}/reviews").json()
        return found

    def verdict(self, job: str) -> str | None:
        verdict: str | None = self.client.get(f"/v1/jobs/{job}").json()["verdict"]
        return verdict

    def judge(self, job: str, verdict: str, **more: Any) -> None:
        sent = {"verdict": verdict, **more}
        self.client.post(f"/v1/jobs/{job}/reviews", json=sent).raise_for_status()


@pytest.fixture
def worklist(gateway: Gateway, request: pytest.FixtureRequest) -> Worklist:
    return Worklist(gateway, 3, seed=1000 * (len(request.node.name) + ord(request.node.name[-1])))


def open_job(page: Page, job: str) -> None:
    page.evaluate(f"location.hash = 'job={job}'")
    shown(page, job)


def shown(page: Page, job: str) -> None:
    """Waits until the job's mask is on screen and its reviews are loaded."""
    page.wait_for_url(re.compile(f"#job={job}"))
    page.wait_for_function(
        "job => window.tessera.shown().job === job && window.tessera.shown().mask", arg=job
    )
    expect(page.locator("#accepted")).to_be_enabled()
    page.wait_for_load_state("networkidle")


def test_masks_are_judged_one_after_the_other_by_keyboard(reader: Page, worklist: Worklist) -> None:
    first, second, third = worklist.jobs
    open_job(reader, first)
    mask = reader.get_by_role("button", name="Mask", exact=True)
    reader.keyboard.press("m")
    expect(mask).to_have_attribute("aria-pressed", "false")
    hidden = reader.locator(".stage .mask-hidden")
    expect(hidden).to_have_text("The mask is hidden. M shows it.")
    reader.keyboard.press("f")
    reader.keyboard.press("o")
    reader.keyboard.press("m")
    expect(hidden).to_contain_text("neither areas nor outlines are drawn")
    reader.keyboard.press("a")
    shown(reader, second)
    expect(hidden).to_be_hidden()  # the next mask is always seen
    expect(mask).to_have_attribute("aria-pressed", "true")
    expect(reader.locator(".undo")).to_contain_text("Accepted.")
    assert worklist.verdict(first) == "accepted"

    reader.keyboard.press("r")
    expect(reader.locator("#reasons")).to_be_visible()
    assert worklist.verdict(second) is None
    for key in "1331":  # a second press takes a reason back
        reader.keyboard.press(key)
    reader.keyboard.press("2")
    reader.keyboard.press("4")
    reader.keyboard.press("Enter")
    shown(reader, third)
    (rejected,) = worklist.reviews(second)
    assert (rejected["verdict"], rejected["reasons"]) == ("rejected", ["leak", "wrong-model"])
    expect(reader.locator("#reasons")).to_be_hidden()

    reader.keyboard.press("r")
    reader.keyboard.press("6")
    reader.keyboard.press("Escape")
    expect(reader.locator("#reasons")).to_be_hidden()
    reader.keyboard.press("c")
    reader.keyboard.type("Arrr: a, r, s and 1 are only letters here.")
    reader.keyboard.press("Escape")
    reader.keyboard.press("r")
    expect(reader.locator("#reason-other")).not_to_be_checked()
    reader.keyboard.press("5")
    reader.keyboard.press("7")
    reader.keyboard.press("Enter")
    expect(reader.locator(".verdict .result")).to_contain_text("Rejected. No other mask")
    (last,) = worklist.reviews(third)
    assert last["reasons"] == ["image-quality", "merged-or-split"]
    assert last["comment"][:5] == "Arrr:"
    expect(reader.locator(".reviews li")).to_contain_text("Image quality, Merged or split objects")


def test_a_verdict_is_undone_within_five_seconds(reader: Page, worklist: Worklist) -> None:
    first, second, _ = worklist.jobs
    open_job(reader, first)
    reader.fill("#comment", "Looks complete.")
    reader.keyboard.press("Escape")
    reader.keyboard.press("a")
    shown(reader, second)
    reader.keyboard.press("u")
    shown(reader, first)
    assert worklist.verdict(first) is None
    assert worklist.reviews(first)[0]["withdrawn_at"] is not None
    expect(reader.locator("#comment")).to_have_value("Looks complete.")
    expect(reader.locator(".reviews li")).to_contain_text("withdrawn")
    expect(reader.locator("#pill")).to_have_text("to review")

    reader.keyboard.press("a")
    shown(reader, second)
    expect(reader.locator("#undo")).to_be_visible()
    expect(reader.locator("#undo")).to_be_hidden(timeout=8000)
    reader.keyboard.press("u")
    expect(reader.locator(".undo")).to_contain_text("too late to undo")
    assert worklist.verdict(first) == "accepted"


def test_skip_opens_the_next_mask_that_waits(reader: Page, worklist: Worklist) -> None:
    first, second, third = worklist.jobs
    worklist.judge(second, "accepted")
    reader.reload()
    open_job(reader, first)
    reader.keyboard.press("s")
    shown(reader, third)
    reader.keyboard.press("s")
    shown(reader, first)
    assert worklist.verdict(first) is None
    reader.keyboard.press("n")
    expect(reader.get_by_role("heading", name="New segmentation")).to_be_visible()
    reader.keyboard.press("s")  # the page of new segmentations leads to the first one
    shown(reader, first)


def test_drafts_of_comments_survive(reader: Page, worklist: Worklist) -> None:
    first, second, _ = worklist.jobs
    open_job(reader, first)
    reader.fill("#comment", "The tail is")
    open_job(reader, second)
    expect(reader.locator("#comment")).to_have_value("")
    reader.fill("#comment", "Another one.")
    reader.reload()
    shown(reader, second)
    expect(reader.locator("#comment")).to_have_value("Another one.")
    open_job(reader, first)
    expect(reader.locator("#comment")).to_have_value("The tail is")
    reader.click("#accepted")
    shown(reader, second)
    assert worklist.reviews(first)[0]["comment"] == "The tail is"
    open_job(reader, first)
    expect(reader.locator("#comment")).to_have_value("")

    reader.evaluate(
        """() => {
            const day = 86_400_000
            for (let n = 0; n < 70; n++)
                localStorage.setItem(`tessera.draft.many${n}`,
                    JSON.stringify({ text: 'x', at: Date.now() - n * 1000 }))
            const old = JSON.stringify({ text: 'x', at: Date.now() - 8 * day })
            localStorage.setItem('tessera.draft.old', old)
            localStorage.setItem('tessera.draft.broken', '{')
        }"""
    )
    reader.reload()
    shown(reader, first)
    kept = reader.evaluate("Object.keys(localStorage).filter(k => k.startsWith('tessera.draft.'))")
    assert len(kept) == 50
    assert not {"tessera.draft.old", "tessera.draft.broken"} & set(kept)
    assert f"tessera.draft.{second}" in kept


def test_another_readers_review_is_shown_before_it_is_replaced(
    reader: Page, worklist: Worklist
) -> None:
    first, second, _ = worklist.jobs
    open_job(reader, first)
    theirs = {"reviewer": "Dr. B", "reasons": ["leak"], "comment": "Into the ventricle."}
    worklist.judge(first, "rejected", **theirs)
    reader.keyboard.press("a")
    asked = reader.locator("#newer-review")
    for part in ("Dr. B", "Rejected", "Leak", "Into the ventricle.", "Yours is not saved"):
        expect(asked).to_contain_text(part)
    assert worklist.verdict(first) == "rejected"
    reader.keyboard.press("Escape")
    expect(asked).to_be_hidden()
    assert len(worklist.reviews(first)) == 1
    assert first in reader.url

    worklist.judge(first, "accepted", reviewer="Dr. C")
    reader.keyboard.press("r")
    reader.keyboard.press("1")
    reader.keyboard.press("Enter")
    expect(asked).to_contain_text("Dr. C")
    expect(asked).not_to_contain_text("Dr. B")
    reader.keyboard.press("Enter")
    shown(reader, second)
    assert worklist.reviews(first)[-1]["reasons"] == ["missed-part"]
    assert worklist.verdict(first) == "rejected"


def test_who_else_has_a_scan_open(reader: Page, second_reader: Page, worklist: Worklist) -> None:
    job, other, _ = worklist.jobs
    reader.evaluate("localStorage.setItem('tessera.reviewer', 'Dr. B')")
    reader.reload()
    open_job(reader, job)
    open_job(second_reader, job)
    expect(second_reader.locator(".also-open")).to_have_text("Dr. B has just opened this.")
    expect(second_reader.locator("#accepted")).to_be_enabled()  # nobody is blocked
    open_job(second_reader, other)
    expect(second_reader.locator(".also-open")).to_be_empty()
    reader.goto("about:blank")
    viewers = f"/v1/jobs/{job}/viewers/test"

    def others() -> list[Any]:
        found: list[Any] = worklist.client.put(viewers).json()["others"]
        return found

    for _ in range(50):
        if not others():
            break
        second_reader.wait_for_timeout(100)
    assert others() == [], "the closed page has left no lock"


def test_the_next_scan_is_loaded_before_it_is_opened(reader: Page, worklist: Worklist) -> None:
    first, second, _ = worklist.jobs
    scan = worklist.client.get(f"/v1/jobs/{second}").json()["scans"]["t1"]
    open_job(reader, first)
    paths = [f"scans/{scan}/volume", f"jobs/{second}/mask?format=nifti"]
    script = """paths => performance.getEntriesByType('resource')
        .filter(entry => paths.some(path => entry.name.endsWith(path))).length"""
    reader.wait_for_function(f"paths => ({script})(paths) === 2", arg=paths)
    reader.keyboard.press("a")
    shown(reader, second)
    assert reader.evaluate(script, paths) == 2, "no file is loaded twice"


class Reader:
    """One of two readers, and what the page has promised them."""

    def __init__(self, name: str, page: Page, worklist: Worklist, chance: random.Random) -> None:
        self.name, self.page, self.worklist, self.chance = name, page, worklist, chance
        self.drafts = dict.fromkeys(worklist.jobs, "")
        self.saved: list[tuple[str, str, str]] = []
        """Job, verdict and comment of reviews that the page says are saved."""
        self.refusals = 0
        page.set_viewport_size({"width": 1000, "height": 560})  # less to draw
        page.evaluate(f"localStorage.setItem('tessera.reviewer', '{name}')")
        page.reload()
        self.open()

    @property
    def job(self) -> str:
        return self.page.url.partition("#job=")[2]

    def open(self) -> None:
        open_job(self.page, self.chance.choice(self.worklist.jobs))
        self.check_draft()

    def check_draft(self) -> None:
        expect(self.page.locator("#comment")).to_have_value(self.drafts[self.job])

    def write(self) -> None:
        words = f"{self.name} {self.chance.randrange(10**9)}"
        self.page.fill("#comment", words)
        self.page.keyboard.press("Escape")
        self.drafts[self.job] = words

    def reload(self) -> None:
        job = self.job
        self.page.reload()
        shown(self.page, job)
        self.check_draft()

    def judge(self) -> None:
        job, page = self.job, self.page
        words = self.drafts[job]
        verdict = self.chance.choice(["accepted", "rejected"])
        page.evaluate("document.querySelector('.undo').replaceChildren()")
        if verdict == "accepted":
            page.keyboard.press("a")
        else:
            page.keyboard.press("r")
            page.keyboard.press(str(self.chance.randrange(1, 7)))
            page.keyboard.press("Enter")
        answered = page.locator("#newer-review, #undo")
        expect(answered).to_have_count(1)
        if page.locator("#newer-review").is_visible():
            self.refusals += 1
            if self.chance.random() < 0.5:
                page.keyboard.press("Escape")
                return
            page.keyboard.press("Enter")
            expect(page.locator("#newer-review, #undo")).to_have_id("undo")
        self.saved.append((job, verdict, words))
        self.drafts[job] = ""
        page.wait_for_function(MOVED_ON, arg=job)
        shown(page, self.job)


@pytest.mark.slow
def test_two_readers_lose_nothing(reader: Page, second_reader: Page, worklist: Worklist) -> None:
    """In random order: comments, verdicts with reasons, reloads and other jobs."""
    chance = random.Random(16)
    readers = [Reader(n, p, worklist, chance) for n, p in (("A", reader), ("B", second_reader))]
    for _ in range(STEPS):
        one = chance.choice(readers)
        chance.choice([one.write, one.judge, one.judge, one.open, one.reload])()
    stored = [
        (job, one["reviewer"], one["verdict"], one["comment"])
        for job in worklist.jobs
        for one in worklist.reviews(job)
    ]
    promised = [(job, one.name, *rest) for one in readers for job, *rest in one.saved]
    assert sorted(stored) == sorted(promised)
    assert len(stored) > STEPS / 5
    assert sum(one.refusals for one in readers) > 1
    for one in readers:
        for job in worklist.jobs:
            open_job(one.page, job)
            one.check_draft()


def test_reasons_of_the_page_are_those_of_the_service(reader: Page, worklist: Worklist) -> None:
    open_job(reader, worklist.jobs[0])
    reader.keyboard.press("r")
    boxes = reader.locator("#reasons input")
    values = boxes.evaluate_all("boxes => boxes.map(box => box.value)")
    assert values == [reason.value for reason in Reason]
