"""Sign-in on the page, in one session of a reader with two projects."""

import os
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import update

from jobs.account import ProjectRole
from jobs.browser_session import SignInMethod
from jobs.repository.schema.sign_in_tables import browser_sessions
from tests.support.accessibility import violations
from tests.support.finished_jobs import finished_job
from tests.support.gateway import Gateway
from tests.support.images import nifti_bytes
from tests.support.page import watched
from tests.support.stored_accounts import bearer

SHAPE = (24, 24, 20)
PASSWORD = "purple dragon eats seven tables"
OTHER_PASSWORD = "quiet harbour of eleven owls"
COMMENT = "Not saved yet"


@pytest.fixture(scope="module")
def jobs(gateway: Gateway) -> dict[str, str]:
    """Project -> a job there that waits for a review."""
    mask = np.zeros(SHAPE, np.uint8)
    mask[4:20, 6:16, 5:15] = 1
    local = finished_job(gateway, nifti_bytes(SHAPE, 0), "local.nii", mask)
    with gateway.repository() as rows:
        rows.accounts.add_project("lung")
        _, key = rows.api_keys.create("lung", "bridge", ProjectRole.ADMINISTRATOR)
        for project in ("local", "lung"):
            rows.accounts.add_member("r1", "Reader One", project, ProjectRole.READER, join=True)
    gateway.client.headers.update(bearer(key.text))
    while gateway.client.get("/v1/account").json().get("project") != "lung":
        pass  # the gateway learns of the key within a second
    return {"local": local, "lung": finished_job(gateway, nifti_bytes(SHAPE, 1), "lung.nii", mask)}


def shown(page: Page, name: str) -> None:
    """Keeps a picture where TESSERA_TEST_SCREENSHOTS names a folder, and checks the view."""
    if folder := os.environ.get("TESSERA_TEST_SCREENSHOTS"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"))
    assert violations(page) == [], name


def choose_password(page: Page, gateway: Gateway) -> None:
    expect(page.get_by_role("heading", name="Choose a password")).to_be_visible()
    expect(page.get_by_label("Login name")).to_have_value("r1")
    field = page.get_by_label("New password", exact=True)
    expect(field).to_be_focused()
    field.fill("passwordpassword")
    field.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("easy to guess")
    shown(page, "password")
    field.fill(PASSWORD)
    field.press("Enter")
    page.wait_for_url(f"{gateway.client.base_url}/projects/local/#new")
    expect(page.get_by_role("button", name="Reader One")).to_be_visible()


def leave_for_an_hour(gateway: Gateway) -> None:
    with gateway.repository() as rows, rows.database.write() as connection:
        used_at = browser_sessions.c.used_at - 3600
        connection.execute(update(browser_sessions).values(used_at=used_at))


def correct_until_signed_out(page: Page, gateway: Gateway) -> None:
    """The stroke after which the page is signed out has not reached the gateway."""
    page.locator("#comment").fill(COMMENT)
    page.locator("#comment").blur()
    page.keyboard.press("t")
    expect(page.locator(".correction")).to_be_visible()
    page.keyboard.press(".")
    expect(page.locator("#draft-state")).to_have_text("Draft saved")
    leave_for_an_hour(gateway)
    page.wait_for_timeout(1100)  # a gateway believes its last look at a session for a second
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press(".")
    expect(page.get_by_role("heading", name="Sign in again")).to_be_visible()
    expect(page.locator(".layout")).to_be_hidden()
    expect(page.get_by_label("Login name")).to_have_value("r1")


def sign_in_elsewhere(gateway: Gateway) -> None:
    with gateway.repository() as rows:
        (one,) = (person for person, _ in rows.accounts.people() if person.login == "r1")
        rows.browser_sessions.begin(one.id, SignInMethod.PASSWORD, 600.0)


def sign_in(page: Page, password: str) -> None:
    field = page.get_by_label("Password", exact=True)
    expect(field).to_be_focused()
    field.fill(password)
    field.press("Enter")


def other_tab(context: BrowserContext, address: str) -> Page:
    tab = context.new_page()
    tab.set_default_timeout(30_000)
    tab.goto(address)
    return tab


def test_a_reader_signs_in(browser: Browser, gateway: Gateway, jobs: dict[str, str]) -> None:
    base = str(gateway.client.base_url)
    with gateway.repository() as rows:
        link = rows.passwords.invite("r1", 600.0).secret
    for page in watched(browser, base, "status of 401", "status of 403", "status of 404"):
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        page.goto(f"{base}/#setup={link}&user=r1")
        choose_password(page, gateway)
        page.evaluate(f"location.hash = 'job={jobs['local']}'")
        page.wait_for_selector(".stage[data-mask=shown]")
        expect(page.locator(".jobs")).to_contain_text("local.nii")
        shown(page, "signed-in")
        correct_until_signed_out(page, gateway)
        shown(page, "signed-out")
        sign_in(page, "a wrong password")
        expect(page.get_by_role("alert")).to_contain_text("The login name or the password is wrong")
        shown(page, "wrong-password")
        sign_in(page, PASSWORD)
        expect(page.locator(".correction")).to_be_visible()
        expect(page.locator("#draft-state")).to_have_text("Draft saved")
        page.get_by_role("button", name="Keep draft").press("Enter")
        expect(page.locator("#comment")).to_have_value(COMMENT)

        tab = other_tab(page.context, f"{base}/projects/lung/")
        expect(tab.locator(".jobs")).to_contain_text("lung.nii")
        expect(page.locator(".jobs")).not_to_contain_text("lung.nii")
        status = f"fetch('v1/jobs/{jobs['lung']}').then((answer) => answer.status)"
        assert (page.evaluate(status), tab.evaluate(status)) == (404, 200)
        tab.get_by_label("Project").select_option("local")
        tab.wait_for_url(f"{base}/projects/local/#new")
        expect(tab.locator(".jobs")).to_contain_text("local.nii")

        sign_in_elsewhere(gateway)
        tab.get_by_role("button", name="Reader One").click()
        expect(tab.locator(".sessions li")).to_have_count(2)
        own = tab.locator(".sessions li", has_text="this browser")
        expect(own).to_contain_text("Chrome on Linux, 127.0.0.1")
        tab.get_by_role("button", name="all other browsers").click()
        expect(tab.locator(".sessions li")).to_have_count(1)
        tab.get_by_label("Current password").fill(PASSWORD)
        tab.get_by_label("New password").fill(OTHER_PASSWORD)
        shown(tab, "change")
        tab.get_by_role("button", name="Change password").click()
        expect(tab.get_by_role("dialog")).to_be_hidden()
        tab.get_by_role("button", name="Sign out").click()
        expect(tab.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()
        expect(tab.get_by_label("Login name")).to_be_focused()
        shown(tab, "sign-in")
        page.evaluate("window.dispatchEvent(new Event('focus'))")
        expect(page.get_by_role("heading", name="Sign in again")).to_be_visible()
        tab.get_by_label("Login name").fill("r1")
        tab.get_by_label("Password", exact=True).fill(OTHER_PASSWORD)
        tab.get_by_role("button", name="Sign in").click()
        expect(tab.locator(".jobs")).to_contain_text("local.nii")
        page.evaluate("window.dispatchEvent(new Event('focus'))")
        expect(page.locator(".jobs")).to_contain_text("local.nii")

        tab.goto(f"{base}/projects/other/")
        expect(tab.get_by_role("heading", name="No such project")).to_be_visible()
        shown(tab, "no-project")
        tab.get_by_role("link", name="lung").click()
        expect(tab.locator(".jobs")).to_contain_text("lung.nii")
