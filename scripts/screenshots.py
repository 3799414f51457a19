"""Takes the tutorial's screenshots: Tessera runs, Chromium opens its page, one file per step."""

import argparse
import contextlib
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, ViewportSize, expect, sync_playwright

ROOT = Path(__file__).parents[1]
TUTORIAL = ROOT / "docs" / "tutorial"
SIZE: ViewportSize = {"width": 1280, "height": 900}
MODEL = "hippocampus-mri-3d"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
PROGRAM = "from cli.main import main; main()"
PATIENCE_MS = 120_000


def main() -> None:
    """Writes start.png, scan.png, mask.png and accepted.png."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=TUTORIAL, help="folder of the images")
    out = parser.parse_args().out
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scan = make_scan(folder)
        with running(folder) as address, opened(address) as page:
            take(page, scan, out)


def make_scan(folder: Path) -> Path:
    """Runs the tutorial's own program, so that the screenshots show its scan."""
    text = (TUTORIAL / "index.md").read_text()
    (program,) = re.findall(r'```python title="make_scan.py"\n(.*?)```', text, re.DOTALL)
    subprocess.run([sys.executable, "-P", "-c", program], cwd=folder, check=True)
    return folder / "hippocampus.nii.gz"


@contextlib.contextmanager
def running(folder: Path) -> Iterator[str]:
    """The address of a Tessera that runs in `folder`; it is stopped afterwards."""
    command = [sys.executable, "-P", "-c", PROGRAM, "up", "--port", "0"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            lines = process.stdout or ()
            address = next(
                match[0] for line in lines if (match := re.search(r"http://[\w.:]+", line))
            )
            yield address
        finally:
            process.send_signal(signal.SIGTERM)


@contextlib.contextmanager
def opened(address: str) -> Iterator[Page]:
    """The page in Chromium."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        sys.exit("There is no Chromium on the PATH. On Debian: apt install chromium")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        page = browser.new_page(viewport=SIZE, locale="en-GB", color_scheme="light")
        page.goto(address)
        yield page
        browser.close()


def take(page: Page, scan: Path, out: Path) -> None:
    """The steps of the tutorial, in their order."""
    page.wait_for_load_state("networkidle")
    shoot(page, out / "start.png")
    page.set_input_files("#files", scan)
    expect(page.locator(".uploads li")).to_have_attribute("data-state", "ready")
    page.locator(f"label.card:has(input[value='{MODEL}'])").click()
    shoot(page, out / "scan.png")
    page.click("#start")
    stage = page.locator(".stage[data-scan=shown][data-mask=shown]")
    expect(stage).to_be_visible()
    page.wait_for_timeout(2000)  # the mask is drawn a moment later
    shoot(page, out / "mask.png")
    page.click("#accepted")
    expect(page.locator("[data-job][data-verdict=accepted]").first).to_be_visible()
    shoot(page, out / "accepted.png")


def shoot(page: Page, path: Path) -> None:
    """One screenshot, in 128 colours so that the file stays small."""
    page.mouse.move(5, 5)
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    image.quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
