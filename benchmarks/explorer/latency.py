"""The explorer in a real browser and under load: start, latency from input to painted picture, fifty clients, bad requests.

    python -m benchmarks.explorer.latency runs/mnist-vae-0 runs/faces128-vae-0        # about 4 minutes for each run
    python -m benchmarks.explorer.latency RUN --seconds 2 --load-seconds 2 --requests 200 --dry   # a trial

Needs `pip install "gvae[dev]"` and a Chromium. Each run gets an explorer of its own, and a row of results/explorer.json:

start     seconds from `gvae explore RUN` to the first picture that the browser has painted
slider    the mouse drags a slider of Components, or hovers over the Map, with 30 events a second. The latency of an event
hover     ends when a picture that was asked for at that event or a later one has been painted, and the frame is done
load      see storm.py
"""

from __future__ import annotations

import argparse
import math
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.explorer import storm
from benchmarks.rows import Row, about, show
from benchmarks.script import parser, typed
from gvae.runs import Run

RATE = 30
"""events a second"""
PATIENCE = 120_000
"""milliseconds that anything may take"""
WATCH = """([label, kind]) => {
    const canvas = document.querySelector(`canvas[aria-label='${label}']`);
    const seen = { events: [], paints: [] };
    const frame = new MessageChannel();
    const waiting = [];
    frame.port1.onmessage = () => waiting.splice(0).forEach((request) => seen.paints.push([request, performance.now()]));
    new MutationObserver(() => requestAnimationFrame(() => {
        waiting.push(Number(canvas.dataset.painted));
        frame.port2.postMessage(0);
    })).observe(canvas, { attributes: true, attributeFilter: ["data-painted"] });
    window.addEventListener(kind, (event) => {
        if (event.isTrusted) seen.events.push([Number(canvas.dataset.request), event.timeStamp]);
    });
    window.seen = seen;
}"""
"""listens behind the view's own handlers; a message that is posted in an animation frame arrives when the frame is done"""
LATEST = """label => {
    const { request, painted } = document.querySelector(`canvas[aria-label='${label}']`).dataset;
    return request === painted;
}"""


class Explorer(NamedTuple):
    """A running `gvae explore`."""

    process: subprocess.Popen[str]
    address: str
    started: float
    """when the command was given, of time.perf_counter()"""
    home: Path
    """its working and temporary folder; stays empty"""


@contextmanager
def explorer(run: Path) -> Iterator[Explorer]:
    """`gvae explore RUN` in an empty folder, ended afterwards."""
    with tempfile.TemporaryDirectory() as home:
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "gvae", "explore", str(run.resolve())],
            stdout=subprocess.PIPE, text=True, cwd=home, env={**os.environ, "TMPDIR": home},
        )  # fmt: skip
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            yield Explorer(process, re.split(r"\s", line)[0], started, Path(home))
        finally:
            process.terminate()
            process.wait(30)


def open_view(page: Any, address: str, view: str = "") -> None:
    """Open a view anew and wait until its picture is painted and nothing is under way."""
    page.goto("about:blank")
    page.goto(f"{address}#panel={view}" if view else address)
    page.wait_for_selector("canvas[data-painted]")
    page.wait_for_function("() => document.body.getAttribute('aria-busy') === 'false'")


def start(page: Any, opened: Explorer) -> float:
    """Seconds from the command to the first picture, of the view that the page begins with."""
    page.goto(opened.address)
    page.wait_for_selector("canvas[data-painted]")
    return time.perf_counter() - opened.started


def paced(seconds: float, move: Callable[[float], None]) -> None:
    """Call `move` with 0 to 1, `RATE` times a second; late calls are not made up for."""
    begin = time.perf_counter()
    count = round(seconds * RATE)
    for k in range(count):
        time.sleep(max(0.0, begin + k / RATE - time.perf_counter()))
        move(k / (count - 1))


def slider(page: Any, opened: Explorer, seconds: float) -> dict[str, Any]:
    """Drag the first slider of Components from left to right and back."""
    open_view(page, opened.address, "components")
    page.wait_for_selector("canvas[aria-label='filmstrip'][data-painted]")  # it pushes the sliders down when it comes
    page.evaluate(WATCH, ["sample", "input"])
    box = page.locator(".slider input[type=range]").first.bounding_box()
    y = box["y"] + box["height"] / 2

    def move(part: float) -> None:
        page.mouse.move(box["x"] + box["width"] * (0.5 - 0.45 * math.cos(2 * math.pi * part)), y)

    move(0)
    page.mouse.down()
    paced(seconds, move)
    page.mouse.up()
    return outcome(page, "sample")


def hover(page: Any, opened: Explorer, seconds: float) -> dict[str, Any]:
    """Move over the Map on an ellipse."""
    open_view(page, opened.address, "map")
    page.evaluate(WATCH, ["under the pointer", "pointermove"])
    box = page.locator("canvas.map").bounding_box()

    def move(part: float) -> None:
        turn = 6 * math.pi * part
        page.mouse.move(
            box["x"] + box["width"] * (0.5 + 0.4 * math.cos(turn)),
            box["y"] + box["height"] * (0.5 + 0.3 * math.sin(turn)),
        )

    paced(seconds, move)
    return outcome(page, "under the pointer")


def outcome(page: Any, label: str) -> dict[str, Any]:
    """Latencies of the events that the page has seen; the last picture must be that of the last event."""
    page.wait_for_function(LATEST, arg=label)
    page.wait_for_timeout(500)
    seen = page.evaluate("() => window.seen")
    assert seen["paints"][-1][0] >= seen["events"][-1][0], "a picture older than the last input remains"
    found = sorted(latencies(seen["events"], seen["paints"]))
    return {
        "events": len(seen["events"]),
        "pictures": len(seen["paints"]),
        "median_ms": round(statistics.median(found), 1),
        "p95_ms": round(found[math.ceil(0.95 * len(found)) - 1], 1),
        "worst_ms": round(found[-1], 1),
    }


def latencies(events: list[list[float]], paints: list[list[float]]) -> list[float]:
    """Milliseconds from each event to the first picture that is as new.

    Args:
        events: number of the request that each has led to, and when it happened.
        paints: number of the request that each picture answers, and when its frame was done.

    >>> latencies([[1, 0.0], [2, 10.0], [3, 20.0]], [[1, 15.0], [3, 40.0]])
    [15.0, 30.0, 20.0]
    """
    return [next(at for request, at in paints if request >= asked) - happened for asked, happened in events]


def measure(run: Path, args: argparse.Namespace) -> dict[str, Any]:
    """The row of one run."""
    from playwright.sync_api import sync_playwright

    names = "chromium", "chromium-browser", "google-chrome"
    chromium = next(filter(None, map(shutil.which, names)), None)
    if chromium is None:
        raise SystemExit(f"no browser is installed; install Chromium: one of {', '.join(names)} must be on the path")
    before = storm.listed(run)
    playwright = sync_playwright().start()  # stopped in time for the event loop of the load
    browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
    page = browser.new_page(viewport={"width": 1280, "height": 860})
    with explorer(run) as opened:
        found = browsed(page, opened, args.seconds)
        browser.close()
        playwright.stop()
        if args.requests:
            found["load"] = storm.storm(opened.process.pid, opened.address, args)
        assert not list(opened.home.iterdir()), "the explorer has written files"
    assert storm.listed(run) == before, "the run folder has changed"
    return found


def browsed(page: Any, opened: Explorer, seconds: float) -> dict[str, Any]:
    """What is measured in the browser."""
    page.set_default_timeout(PATIENCE)
    found: dict[str, Any] = {"start_s": round(start(page, opened), 2)}
    views = page.evaluate("() => [...document.querySelectorAll('#views a')].map((a) => a.dataset.view)")
    found["slider"] = slider(page, opened, seconds)
    if "map" in views:
        found["hover"] = hover(page, opened, seconds)
    return found


def main() -> None:
    """Measure every run and keep its row."""
    options = parser(__doc__, dry=True)
    options.add_argument("runs", type=Path, nargs="+")
    options.add_argument("--seconds", type=float, default=10, help="of dragging, and of hovering")
    options.add_argument("--clients", type=int, default=50)
    options.add_argument("--load-seconds", type=float, default=60, help="that the clients ask")
    options.add_argument("--requests", type=int, default=10_000, help="malformed ones; 0: no load at all")
    options.add_argument("--seed", type=int, default=0, help="of the requests")
    o = options.parse_args()
    for path in o.runs:
        show("explorer", path.resolve().name, row(Run.open(path), measure(path, o), o), o.dry)


def row(run: Run, found: Row, o: argparse.Namespace) -> Row:
    """What was measured, on what."""
    options = {"seconds": o.seconds, "load_seconds": o.load_seconds, "requests": o.requests}
    return {
        **about(typed("explorer.latency", run.path, **options), note=o.note),
        "model": run.model,
        "data": run.data,
        "shape": list(run.spec.shape),
        **found,
    }


if __name__ == "__main__":
    main()
