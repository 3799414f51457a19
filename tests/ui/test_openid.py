"""Sign-in on the page with a real OpenID provider."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.accessibility import violations
from tests.support.cards import write_cards
from tests.support.gateway import Gateway, start
from tests.support.openid_provider import CLIENT, SECRET, OpenIdProvider
from tests.support.page import PATIENCE_MS
from tests.support.ports import free_port

GROUPS = """
[[role]]
group = "readers"
project = "local"
role = "reader"
"""


@pytest.fixture
def gateway(openid_provider: OpenIdProvider, tmp_path: Path) -> Iterator[Gateway]:
    """One whose users are the provider's."""
    port = free_port()
    (tmp_path / "groups.toml").write_text(GROUPS)
    openid_provider.redirect_uri = f"http://127.0.0.1:{port}/v1/sign-in/oidc/callback"
    openid_provider.signed_out_uri = f"http://127.0.0.1:{port}/"
    openid_provider.token_s = 1
    openid_provider.people = {
        "r1": {"name": "R One", "preferred_username": "r1", "groups": ["readers"]},
        "none": {"name": "R No", "preferred_username": "none", "groups": []},
    }
    openid_provider.configure()
    running = start(
        tmp_path / "data",
        port=str(port),
        models=str(write_cards(tmp_path / "models")),
        public_url=f"http://127.0.0.1:{port}",
        oidc_issuer=openid_provider.issuer,
        oidc_name="the hospital",
        oidc_client_id=CLIENT,
        oidc_client_secret=SECRET,
        oidc_groups=str(tmp_path / "groups.toml"),
    )
    yield running
    running.stop()


def go_through_the_provider(page: Page, user: str) -> None:
    page.get_by_placeholder("Enter any login").fill(user)
    page.get_by_placeholder("and password").fill("any")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()


def test_a_reader_signs_in_and_out_with_a_provider(browser: Browser, gateway: Gateway) -> None:
    """The view that was asked for opens after it; somebody without a role sees why."""
    home = str(gateway.client.base_url)
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{home}/#models")
    link = page.get_by_role("link", name="Sign in with the hospital")
    expect(link).to_be_visible()
    assert violations(page) == []
    link.click()
    go_through_the_provider(page, "r1")
    page.wait_for_url(f"{home}/projects/local/#models")
    expect(page.get_by_role("button", name="R One")).to_be_visible()
    page.wait_for_timeout(1100)  # the access token has expired
    page.reload()
    expect(page.get_by_role("button", name="R One")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Yes, sign me out").click()
    page.wait_for_url(f"{home}/**")
    link.click()
    go_through_the_provider(page, "none")
    expect(page.locator("body")).to_contain_text("None of your groups has a role")
    page.get_by_role("link", name="Back to the sign-in page").click()
    expect(link).to_be_visible()
    assert errors == []
    context.close()
