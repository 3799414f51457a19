"""Painting in a large mask: frames a second by the page's own share of the work, and memory.

    python -P benchmarks/painting.py [--strokes 1000] [--json FILE]

A headless Chromium without a graphics card corrects a mask of 512 x 512 x 384 voxels, in
three planes. Samples of the pointer are sent four to a frame, as a fast mouse does. `own_ms` of a
frame is the time of the page's code: what changes labels, counts voxels, and asks the library to
draw; the time inside calls of WebGL and of the canvas is not in it, since a graphics card does that
work. `calls_ms` is that time: here the processor copies the changed slices and draws. `upload_kb`
is what a frame sends to the graphics memory. `fps` is 1000 / `own_ms`.

Then many strokes, each third one undone: memory after each fifth part of them, as in viewer.py.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE))  # last: jobs.py is in this folder, and `jobs` is a package of Tessera
sys.path.append(str(HERE.parent))

from chromium import DRAWS, open_page  # noqa: E402
from playwright.sync_api import Page  # noqa: E402
from record import save  # noqa: E402
from viewer import HEAD, PATIENCE_MS, finished, memory, started  # noqa: E402

from tests.support.gateway import Gateway  # noqa: E402

COUNT_CALLS = """
window.painted = { own: 0, calls: 0, bytes: 0, frames: 0, worst: 0 }
let depth = 0
const inside = (act) => {
  if (depth > 0) return act()
  depth += 1
  const began = performance.now()
  try { return act() } finally { window.painted.calls += performance.now() - began; depth -= 1 }
}
for (const kind of [WebGL2RenderingContext, CanvasRenderingContext2D]) {
  for (const name of Object.getOwnPropertyNames(kind.prototype)) {
    const about = Object.getOwnPropertyDescriptor(kind.prototype, name)
    if (typeof about.value !== 'function') continue
    kind.prototype[name] = function (...given) {
      if (name.startsWith('texSubImage')) {
        window.painted.bytes += given.at(-1)?.byteLength ?? 0
      }
      return inside(() => about.value.apply(this, given))
    }
  }
}
const ask = window.requestAnimationFrame
window.timed = (act) => {
  const { calls } = window.painted
  const began = performance.now()
  act()
  const own = performance.now() - began - (window.painted.calls - calls)
  window.painted.own += own
  window.painted.worst = Math.max(window.painted.worst, own)
}
window.requestAnimationFrame = (act) => ask((time) => window.timed(() => act(time)))
"""

PAINTED = ("axial", "coronal")
STROKE = """([x, y, frames]) => new Promise((done) => {
  // the button was pressed by the mouse: these are more samples of its pointer
  const target = document.elementFromPoint(x, y).closest('.pane')
  let n = 0
  const frame = () => {
    for (let sample = 0; sample < 4; sample++, n++) {
      const event = new PointerEvent('pointermove', {
        bubbles: true, pointerId: 1, isPrimary: true,
        clientX: x + 60 * Math.cos(n / 20), clientY: y + 60 * Math.sin(n / 20),
      })
      window.timed(() => target.dispatchEvent(event))
    }
    window.painted.frames += 1
    requestAnimationFrame(() => setTimeout(n < 4 * frames ? frame : done)) // it is drawn
  }
  frame()
})"""

Row = dict[str, Any]


def main() -> None:
    """Prints a row for each way to paint, and one for each fifth of the strokes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--strokes", type=int, default=1000)
    parser.add_argument("--chromium", default="chromium", help="path of Chromium or Chrome")
    parser.add_argument("--json", type=Path, help="file for the results")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        gateway = started(Path(name))
        try:
            rows = measured(gateway, options.strokes, options.chromium)
        finally:
            gateway.stop()
    if options.json:
        save(options.json, rows, strokes=options.strokes, versions={})


def measured(gateway: Gateway, strokes: int, chromium: str) -> list[Row]:
    job = finished(gateway, HEAD, 0)
    with open_page(chromium, *DRAWS, first=COUNT_CALLS) as page:
        page.set_default_timeout(PATIENCE_MS)
        page.goto(f"{gateway.client.base_url}#job={job}")
        page.locator("#accepted:enabled").wait_for()
        page.keyboard.press("t")
        page.locator(".correction").wait_for()
        rows = [
            painted(page, plane, ball) for ball in (False, True) for plane in ("axial", "coronal")
        ]
        page.keyboard.press("d")
        rows += remembered(page, strokes)
    return rows


def painted(page: Page, plane: str, ball: bool, frames: int = 40) -> Row:
    """A long stroke with a brush of 12 voxels."""
    if (page.locator("#brush-ball").get_attribute("aria-pressed") == "true") != ball:
        page.keyboard.press("d")
    page.locator("#brush-size").fill("48")
    x, y = middle(page, plane)
    page.mouse.move(x + 60, y)
    page.mouse.down()
    page.evaluate("() => { for (const name in window.painted) window.painted[name] = 0 }")
    page.evaluate(STROKE, [x, y, frames])
    counted: dict[str, float] = page.evaluate("() => window.painted")
    page.mouse.up()
    own = counted["own"] / counted["frames"]
    row = {
        "plane": plane,
        "brush": "ball" if ball else "disc",
        "own_ms": round(own, 2),
        "worst_ms": round(counted["worst"], 1),
        "fps": round(1000 / own),
        "calls_ms": round(counted["calls"] / counted["frames"], 1),
        "upload_kb": round(counted["bytes"] / counted["frames"] / 1000),
    }
    print(row, flush=True)
    return row


def middle(page: Page, plane: str) -> tuple[float, float]:
    box = page.locator(f".pane[data-plane={plane}]").bounding_box()
    assert box is not None
    return round(box["x"] + box["width"] / 2), round(box["y"] + box["height"] / 2)


def remembered(page: Page, strokes: int) -> list[Row]:
    """Memory after each fifth of many short strokes, each third one undone."""
    rows = [{"strokes": 0, **megabytes(page)}]
    print(rows[-1], flush=True)
    x, y = middle(page, "axial")
    for n in range(strokes):
        page.keyboard.press(str(1 + n % 2) if n % 4 else "e")
        start = (x + 50 - (37 * n) % 100, y + 50 - (53 * n) % 100)
        page.mouse.move(*start)
        page.mouse.down()
        page.mouse.move(start[0] + 20, start[1] + 10, steps=3)
        page.mouse.up()
        if n % 3 == 2:
            page.keyboard.press("Control+z")
        if n % 10 == 9:
            page.keyboard.press("ArrowDown")
        if (n + 1) % max(1, strokes // 5) == 0:
            rows.append({"strokes": n + 1, **megabytes(page)})
            print(rows[-1], flush=True)
    return rows


def megabytes(page: Page) -> Row:
    return {name: value for name, value in memory(page).items() if name.endswith("_mb")}


if __name__ == "__main__":
    main()
