"""A model learns from corrections: by the button, by a real worker, as a version for new jobs."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from jobs.blobs import open_blobs
from tests.support.accessibility import violations
from tests.support.installation import Installation
from tests.support.page import watched
from tests.support.stored_judgements import add_judged, trained_model

pytestmark = pytest.mark.slow


def test_a_model_learns_from_corrections(
    browser: Browser, installation: Installation, tmp_path: Path
) -> None:
    card = trained_model(tmp_path, installation.models)
    gateway = installation.gateway(dicom_port="0")
    with gateway.repository() as repository:
        store = open_blobs(gateway.settings)
        for number in range(10):
            verdict = "corrected" if number % 2 else "accepted"
            add_judged(repository, store, card, tmp_path, number, project="local", verdict=verdict)
    for page in watched(browser, f"{gateway.client.base_url}"):
        page.get_by_role("link", name="Models").press("Enter")
        learn = page.get_by_role("button", name="Learn from corrections: Bright blobs")
        model = page.locator(".model", has=learn)
        expect(model).to_contain_text("10 judged masks, 5 of them corrected.")
        learn.focus()
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog", name="Train Bright blobs further?")
        expect(dialog).to_contain_text("No running worker can train.")
        assert violations(page) == []
        page.keyboard.press("Escape")
        assert gateway.client.get("/v1/trainings").json()["trainings"] == []
        expect(learn).to_be_focused()

        page.keyboard.press("Enter")
        dialog.get_by_role("button", name="Start training").press("Enter")
        training = page.locator(".training")
        pill = training.locator(".pill")
        expect(pill).to_have_text("waiting for a worker that can train")
        installation.worker(training_steps="60")
        expect(training).to_contain_text(re.compile("Training, step \\d+ of 60, loss \\d"))
        assert violations(page) == []
        expect(pill).to_have_text(re.compile("^(not offered|offered for new jobs)$"))
        expect(training.get_by_role("row")).to_have_count(3)
        offer = training.get_by_role("button", name="Offer for new jobs")
        if offer.is_visible():  # the new model is worse
            offer.press("Enter")
            page.get_by_role("dialog").get_by_role("button", name="Offer").press("Enter")
        expect(training).to_contain_text("Jobs can choose it as blob@2")
        expect(model).to_contain_text("blob, 2 versions: 1, 2")
    (training_row,) = gateway.client.get("/v1/trainings").json()["trainings"]
    assert training_row["result"]["held_out_cases"] > 0
    made = gateway.client.get("/v1/models/blob@2").json()["card"]
    assert made["parent"]["name"] == "blob"
    order = {"scan": "case0", "model": "blob@2"}
    job = gateway.client.post("/v1/jobs", json=order).json()
    assert (job["model"], job["model_version"]) == ("blob@2", "2")
