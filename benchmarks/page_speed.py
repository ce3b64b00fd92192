"""How fast the page is: until it can be used, how much it loads, and how smoothly t is scrubbed.

    python benchmarks/page_speed.py [--seconds 3]

Starts a server of its own in a temporary workspace and a headless Chromium (no GPU). "Usable" is from opening the address
to the first picture drawn, with nothing in the cache. Bytes are those of the network, compressed as they were sent; the
first lines are of the landing, the next of four charts. Scrubbing moves the slider of
the forward view with every frame that the browser draws, on colour pictures; the browser draws at most 60 a second.
"milliseconds" is the work of one move, from the slider's event to the drawn picture, histogram and numbers.
"""

from __future__ import annotations

import argparse
import base64
import io
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from machine import describe

FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
SIZES = (28, 64, 128, 256)
DROP = """([name, data]) => {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    const files = new DataTransfer();
    files.items.add(new File([bytes], name, {type: "image/png"}));
    const drop = new DragEvent("drop", {dataTransfer: files, bubbles: true, cancelable: true});
    document.querySelector(".drop").dispatchEvent(drop);
}"""
SCRUB = """(seconds) => new Promise((resolve) => {
    const slider = document.querySelector(".transport input[type=range]");
    const most = Number(slider.max);
    let frames = 0, work = 0, begin = null;
    const real = window.requestAnimationFrame;
    window.requestAnimationFrame = (callback) => real((now) => {
        const started = performance.now();
        callback(now);
        work += performance.now() - started;
    });
    const frame = (now) => {
        begin ??= now;
        if (now - begin >= 1000 * seconds) {
            window.requestAnimationFrame = real;
            return resolve({rate: (1000 * frames) / (now - begin), work: work / frames});
        }
        slider.value = (frames * 7) % most;
        slider.dispatchEvent(new Event("input", {bubbles: true}));  // the view draws with the next frame
        frames += 1;
        requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
})"""


@contextmanager
def server() -> Iterator[str]:
    """The address of a `reverie serve` in a temporary workspace."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "reverie", "serve", "--workspace", folder, "--port", "0"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            assert process.stdout is not None
            line = next(line for line in process.stdout if "http://" in line)
            yield "http://" + line.split("http://")[1].split()[0].rstrip("/.,")
        finally:
            process.terminate()
            process.wait(30)


def opening(browser: Browser, address: str, path: str, ready: str) -> tuple[float, int]:
    """Seconds until what `ready` selects is there, and bytes over the network, in a browser that has seen nothing yet."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    total = 0

    def count(event: dict) -> None:
        nonlocal total
        total += int(event["encodedDataLength"])

    session.on("Network.loadingFinished", count)
    begin = time.perf_counter()
    page.goto(address + path)
    page.locator(ready).last.wait_for()
    seconds = time.perf_counter() - begin
    page.wait_for_timeout(1500)
    context.close()
    return seconds, total


def scrub(page: Page, size: int, seconds: float) -> dict[str, float]:
    """Frames a second, and milliseconds of work in each, on a picture of size x size in colour."""
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(size).integers(0, 256, (size, size, 3), dtype=np.uint8)).save(buffer, format="PNG")
    page.evaluate(DROP, [f"{size}.png", base64.b64encode(buffer.getvalue()).decode()])
    page.locator(f".subject-canvas[width='{size}']").wait_for()
    page.wait_for_timeout(500)
    return page.evaluate(SCRUB, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast the page is.")
    parser.add_argument("--seconds", type=float, default=3.0, help="of scrubbing, for each size")
    told = parser.parse_args()
    print(describe(), "| Python", platform.python_version())
    with server() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(FLAGS))
        print(f"Chromium {browser.version}, headless, no GPU\n")
        print(f"{'opening':28} {'seconds':>8} {'MB':>8}")
        drawn, charts = ".subject-canvas", ".panel:nth-child(4) .plot .series path"
        views = (
            ("landing, server just begun", "/", drawn),
            ("landing, warm", "/", drawn),
            ("schedules, with charts", "/#/schedules", charts),
        )
        for name, path, ready in views:
            seconds, total = opening(browser, address, path, ready)
            print(f"{name:28} {seconds:8.2f} {total / 1e6:8.2f}")
        print(f"\n{'scrubbing a colour picture':28} {'frames/s':>8} {'ms/frame':>8}")
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        for size in SIZES:
            page.goto("about:blank")
            page.goto(f"{address}/#/forward")
            page.locator(drawn).wait_for()
            found = scrub(page, size, told.seconds)
            print(f"{f'{size} x {size}':28} {found['rate']:8.1f} {found['work']:8.2f}")
        browser.close()


if __name__ == "__main__":
    main()
