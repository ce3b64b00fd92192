"""How long a newcomer waits for the first view on a slow line and a slow processor, and what is sent for it.

    python benchmarks/page_first_view.py [--at NAME=ADDRESS ...] [--line 50] [--slow 4]

Measures the servers that are named, such as --at before=http://127.0.0.1:8001 --at after=http://127.0.0.1:8002, or, without
any, one of its own in a temporary workspace. A headless Chromium that has seen nothing yet opens the landing page and the
forward view over a line of so many kilobytes a second (and 40 ms each way), its processor slowed so many times. The view is
usable when there is something to press in it, or its picture is drawn, and the script that drew it has ended. Bytes are
those on the line until then, as they were sent, with the largest named.
"""

from __future__ import annotations

import argparse
import contextlib
import platform
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from playwright.sync_api import Browser, sync_playwright

from machine import describe
from page_speed import FLAGS, server

LATENCY = 40  # milliseconds each way
USABLE = ".view .subject-canvas, .view[data-view='home'] :is(a, button)"
VIEWS = {"landing": "/", "forward": "/#/forward?picture=flower"}


def opening(browser: Browser, address: str, line: float, slow: float) -> tuple[float, dict[str, int]]:
    """Seconds until the view can be used, and by then the bytes of each thing that was fetched."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    session = context.new_cdp_session(page)
    rate = 1000 * line
    session.send("Network.enable")
    session.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 2 * LATENCY, "downloadThroughput": rate, "uploadThroughput": rate},
    )
    session.send("Emulation.setCPUThrottlingRate", {"rate": slow})
    names: dict[str, str] = {}
    sizes: dict[str, int] = {}

    def count(event: dict) -> None:
        name = names.get(event["requestId"], "?")
        sizes[name] = sizes.get(name, 0) + int(event["encodedDataLength"])

    session.on("Network.requestWillBeSent", lambda event: names.update({event["requestId"]: event["request"]["url"]}))
    session.on("Network.loadingFinished", count)
    begin = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.locator(USABLE).first.wait_for(timeout=120_000)
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    seconds, fetched = time.perf_counter() - begin, dict(sizes)
    context.close()
    return seconds, fetched


@contextlib.contextmanager
def servers(named: list[str]) -> Iterator[dict[str, str]]:
    if named:
        yield dict(each.split("=", 1) for each in named)
    else:
        with server() as address:
            yield {"here": address}


def main() -> None:
    parser = argparse.ArgumentParser(description="The first view on a slow line.")
    parser.add_argument("--at", action="append", default=[], metavar="NAME=ADDRESS", help="a server to measure; repeatable")
    parser.add_argument("--line", type=float, default=50.0, help="kilobytes a second")
    parser.add_argument("--slow", type=float, default=4.0, help="how many times slower the processor is made")
    parser.add_argument("--times", type=int, default=3, help="openings of each, of which the middle one is told")
    told = parser.parse_args()
    print(describe(), "| Python", platform.python_version())
    with servers(told.at) as addresses, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(FLAGS))
        print(
            f"Chromium {browser.version}, headless; {told.line:g} kB/s, {2 * LATENCY} ms to and fro, {told.slow:g} x slower"
        )
        print(f"\n{'server':10} {'view':10} {'seconds':>8} {'kB':>8} {'files':>6}  largest")
        for name, address in addresses.items():
            for view, path in VIEWS.items():
                runs = sorted(
                    (opening(browser, address + path, told.line, told.slow) for _ in range(told.times)),
                    key=lambda run: run[0],
                )
                seconds, sizes = runs[len(runs) // 2]
                largest = sorted(sizes.items(), key=lambda each: -each[1])[:3]
                words = ", ".join(f"{urlsplit(url).path} {size / 1000:.0f} kB" for url, size in largest)
                print(f"{name:10} {view:10} {seconds:8.2f} {sum(sizes.values()) / 1000:8.0f} {len(sizes):6}  {words}")
        browser.close()


if __name__ == "__main__":
    main()
