"""Corrections that are interrupted at random moments: which strokes are lost.

    python -P benchmarks/draft_kills.py [--kills 50] [--seed 1] [--json FILE]

A headless Chromium corrects a mask through a proxy on loopback, a stroke every 0.1 s. At a random
moment its tab is closed, its processes are killed (SIGKILL), the gateway is killed (and started
again after a while), or the network is lost: its connections are cut, or fall silent, until it is
back. In every second outage of the gateway or the network the tab is closed before the outage ends.

Then the correction is opened in another browser and saved. A stroke is lost if the saved mask does
not have it. `lost_s` is the age of the oldest lost stroke when the fault began; `lost` is 0 where
the tab survived. Exit status 1 if a stroke is lost that was more than two seconds old, if the saved
mask differs from what was painted elsewhere, or if the model's mask or one of an earlier correction
has changed.
"""

import argparse
import hashlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE))  # last: jobs.py is in this folder, and `jobs` is a package of Tessera
sys.path.append(str(HERE.parent))

import httpx  # noqa: E402
import numpy as np  # noqa: E402
from chromium import DRAWS  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from playwright.sync_api import Error, Page, Playwright, expect, sync_playwright  # noqa: E402
from record import save  # noqa: E402

from tests.support.correcting import (  # noqa: E402
    MIDDLE,
    SHAPE,
    ball_in_the_dark,
    correct,
    correcting_gateway,
    finished_volume,
    model_mask,
    saved,
    stored,
)
from tests.support.gateway import Gateway, start  # noqa: E402
from tests.support.ports import free_port  # noqa: E402
from tests.support.shown_slice import Slice  # noqa: E402
from tests.support.tcp_proxy import Flow, TcpProxy  # noqa: E402

KINDS = ("tab", "browser", "gateway", "network cut", "network silent")
MOST_LOST_S = 2.0
PACE_S = 0.1
PATIENCE_MS = 120_000
Row = dict[str, Any]


class Network(TcpProxy):
    """Connections to the gateway, which can be cut or fall silent."""

    def __init__(self, port: int) -> None:
        self.state = "up"
        super().__init__(port)

    def lose(self, state: str) -> None:
        """`cut` or `silent`, until `state` is "up" again."""
        self.state = state
        if state == "cut":
            self.cut()

    def next_server(self) -> Callable[[socket.socket], None]:
        if self.state == "cut":
            return _refuse
        return lambda client: self.forward(client, _Waiting(self), _Waiting(self))


def _refuse(client: socket.socket) -> None:
    client.close()


class _Waiting(Flow):
    """Keeps what is sent while the network is silent."""

    def __init__(self, network: Network) -> None:
        self._network = network

    @property
    def most(self) -> int:
        while self._network.state == "silent" and not self._network.closed:
            time.sleep(0.02)
        return super().most


class Chromium:
    """A browser that can be killed, and whose tabs can be closed, whatever they do."""

    def __init__(self, program: str, folder: Path) -> None:
        self._port = free_port()
        self.address = f"http://127.0.0.1:{self._port}"
        arguments = ["--headless=new", "--no-sandbox", "--window-size=1280,900", *DRAWS]
        self._process = subprocess.Popen(
            [
                program, f"--remote-debugging-port={self._port}", f"--user-data-dir={folder}",
                *arguments, "about:blank",
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        for _ in range(600):
            with suppress(httpx.TransportError):
                if httpx.get(f"{self.address}/json/version").status_code == 200:
                    return
            time.sleep(0.05)
        raise RuntimeError("Chromium did not start.")

    def close_tab(self) -> None:
        for one in httpx.get(f"{self.address}/json/list").json():
            if one["type"] == "page":
                httpx.get(f"{self.address}/json/close/{one['id']}")

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


@dataclass
class Service:
    """The gateway, and the network before it."""

    gateway: Gateway
    network: Network
    models: Path

    def kill(self) -> None:
        self.gateway.process.send_signal(signal.SIGKILL)
        self.gateway.process.wait(60)

    def restart(self) -> None:
        self.gateway = start(self.gateway.data, models=str(self.models))
        self.network.port = self.gateway.port


@dataclass(frozen=True)
class Stroke:
    """A finished stroke: the voxel in its middle, and when the mouse button was released."""

    voxel: tuple[int, ...]
    ended: float


def main() -> None:
    """Prints a row for each fault."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--chromium", default="chromium", help="path of Chromium or Chrome")
    parser.add_argument("--json", type=Path, help="file for the results")
    options = parser.parse_args()
    program = shutil.which(options.chromium) or options.chromium
    rng = random.Random(options.seed)
    expect.set_options(timeout=PATIENCE_MS)
    rows, wrong = [], []
    with serviced() as service, sync_playwright() as playwright:
        values = ball_in_the_dark()
        job, affine = finished_volume(service.gateway, "axial", values, model_mask())
        known: dict[str, str] = {}
        for n in range(options.kills):
            trial = Trial(playwright, program, service, job, affine, rng)
            row, problems = trial.run(KINDS[n % len(KINDS)], n // len(KINDS) % 2 == 1, n)
            problems += changed(service.gateway, job, known)
            print(row, *problems, flush=True)
            rows.append(row)
            wrong += problems
            if options.json:
                save(options.json, rows, seed=options.seed, versions={})
    sys.exit(bool(wrong))


@contextmanager
def serviced() -> Iterator[Service]:
    with tempfile.TemporaryDirectory() as name:
        gateways = correcting_gateway(Path(name))
        first = next(gateways)
        with closing(Network(first.port)) as network:
            service = Service(first, network, Path(name) / "models")
            yield service
            service.gateway.stop()
        gateways.close()


def changed(gateway: Gateway, job: str, known: dict[str, str]) -> list[str]:
    """Masks that are not as they were; the others, and new ones, are remembered."""
    reviews = gateway.client.get(f"/v1/jobs/{job}/reviews").json()
    paths = [f"/v1/jobs/{job}/mask", *(f"/v1/jobs/{job}/reviews/{r['id']}/mask" for r in reviews)]
    problems = [f"WRONG: {path} is missing" for path in known if path not in paths]
    for path in paths:
        answer = gateway.client.get(f"{path}?format=nifti")
        digest = hashlib.sha256(answer.raise_for_status().content).hexdigest()
        if known.setdefault(path, digest) != digest:
            problems.append(f"WRONG: {path} has changed")
    return problems


class Trial:
    """A correction that is interrupted once, continued, and saved."""

    def __init__(
        self,
        playwright: Playwright,
        program: str,
        service: Service,
        job: str,
        affine: NDArray[np.float64],
        rng: random.Random,
    ) -> None:
        self.playwright, self.program, self.service = playwright, program, service
        self.job, self.affine, self.rng = job, affine, rng
        self.began = 0.0
        """When the fault began."""
        self.over = threading.Event()
        self.wrong: list[str] = []

    def run(self, kind: str, closes: bool, number: int) -> tuple[Row, list[str]]:
        """`closes`: whether the tab is closed before an outage ends."""
        value = 1 + number % 3
        before = self.newest()
        closes = closes and kind not in ("tab", "browser")
        with ExitStack() as stack:
            page, chromium = self.opened(stack)
            fault = threading.Thread(target=self.interrupt, args=(kind, closes, chromium))
            strokes = self.painted(page, value, before, fault)
            fault.join()
            if not closes and kind not in ("tab", "browser"):
                expect(page.locator("#draft-state")).to_have_text("Draft saved")
        with ExitStack() as stack:
            page, _ = self.opened(stack)
            review = saved(page, self.service.gateway, self.job)
        mask = np.asarray(stored(self.service.gateway, self.job, review["id"]).dataobj)
        return self.judged(kind, closes, strokes, mask, before, value)

    def newest(self) -> NDArray[np.uint8]:
        """The mask that the correction begins with."""
        reviews = self.service.gateway.client.get(f"/v1/jobs/{self.job}/reviews").json()
        if not reviews:
            return model_mask()
        return np.asarray(stored(self.service.gateway, self.job, reviews[-1]["id"]).dataobj)

    def opened(self, stack: ExitStack) -> tuple[Page, Chromium]:
        folder = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        chromium = Chromium(self.program, Path(folder))
        stack.callback(chromium.kill)
        browser = self.playwright.chromium.connect_over_cdp(chromium.address)
        page = browser.contexts[0].pages[0]
        page.set_default_timeout(PATIENCE_MS)
        page.set_viewport_size({"width": 1280, "height": 800})
        for _ in range(3):  # the gateway may still close the connections of the killed browser
            with suppress(Error):
                page.goto(self.service.network.url)
                break
        page.evaluate("localStorage.setItem('tessera.brush-radius', '0.5')")
        page.evaluate("localStorage.setItem('tessera.view', 'planes')")
        page.reload()
        correct(page, self.job)
        return page, chromium

    def painted(
        self, page: Page, value: int, before: NDArray[np.uint8], fault: threading.Thread
    ) -> list[Stroke]:
        """Paints, where another label is, until the fault is over or the tab is gone."""
        page.evaluate("p => window.tessera.jump(p)", (self.affine @ [*MIDDLE, 1])[:3].tolist())
        shown = Slice.of(page, "axial", self.affine, MIDDLE)
        page.keyboard.press(str(value))
        places = [(i, j) for i in range(-10, 14, 2) for j in range(-10, 12, 2)]
        self.rng.shuffle(places)
        strokes: list[Stroke] = []
        fault.start()
        with suppress(Error):
            for place in places:
                if self.over.is_set():
                    break
                pixel = shown.pixel(place)
                voxel = tuple(int(n) for n in shown.voxel(pixel).round())
                if before[voxel] == value:
                    continue
                page.mouse.move(*pixel)
                page.mouse.down()
                page.mouse.up()
                strokes.append(Stroke(voxel, time.time()))
                time.sleep(PACE_S)
        self.over.wait(60)
        return strokes

    def interrupt(self, kind: str, closes: bool, chromium: Chromium) -> None:
        time.sleep(self.rng.uniform(2.5, 8))  # something is saved
        self.began = time.time()
        try:
            if kind == "tab":
                chromium.close_tab()
            elif kind == "browser":
                chromium.kill()
            else:
                self.outage(kind, closes, chromium)
        finally:
            self.over.set()

    def outage(self, kind: str, closes: bool, chromium: Chromium) -> None:
        if kind == "gateway":
            self.service.kill()
        else:
            self.service.network.lose(kind.split()[1])
        time.sleep(self.rng.uniform(0.2, 5))
        if closes:
            chromium.close_tab()
        if kind == "gateway":
            self.service.restart()
        self.service.network.state = "up"

    def judged(
        self,
        kind: str,
        closes: bool,
        strokes: list[Stroke],
        mask: NDArray[np.uint8],
        before: NDArray[np.uint8],
        value: int,
    ) -> tuple[Row, list[str]]:
        lost = [one for one in strokes if mask[one.voxel] != value]
        ages = [self.began - one.ended for one in lost]
        row = {
            "fault": f"{kind}, then tab" if closes else kind,
            "strokes": len(strokes),
            "lost": len(lost),
            "lost_s": round(max(0.0, *ages, 0.0), 2) if lost else 0.0,
        }
        survives = not closes and kind not in ("tab", "browser")
        if max(ages, default=0.0) > MOST_LOST_S or (survives and lost):
            self.wrong.append("WRONG: too much is lost")
        if not strokes:
            self.wrong.append("WRONG: nothing was painted")
        elsewhere = np.ones(SHAPE, bool)
        elsewhere[..., int(MIDDLE[2])] = False
        if not np.array_equal(mask[elsewhere], before[elsewhere]):
            self.wrong.append("WRONG: voxels differ on other slices")
        changes = mask != before
        if not np.all(mask[changes] == value):
            self.wrong.append("WRONG: another label was painted")
        return row, self.wrong


if __name__ == "__main__":
    main()
