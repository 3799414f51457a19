import os
from pathlib import Path

import httpx
import numpy as np
from playwright.sync_api import Page

from tests.support.dicom.files import classic
from tests.support.dicom.given_masks import write_with_seg


def test_shots(page: Page, address: str, tmp_path: Path) -> None:
    out = Path(os.environ["SHOTS"])
    grid = (96, 80, 48)
    volume = np.full(grid, 900, np.int16)
    volume[::7] = -900
    images = classic(
        volume,
        np.diag([1, 1, 2, 1]),
        modality="CT",
        WindowCenter=["40", "-600"],
        WindowWidth=["400", "1500"],
    )
    files = [("files", path.read_bytes()) for path in write_with_seg(images, tmp_path)]
    answer = httpx.post(f"{address}/v1/scans", files=files, timeout=60).raise_for_status()
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(f"{address}/#job={answer.json()['masks'][0]['job']}")
    page.wait_for_selector(".stage[data-mask=shown]")
    page.wait_for_timeout(500)
    page.screenshot(path=out / "bright.png")
