"""The page in a real browser, against a real server in a workspace of its own.

Whatever a test does, it fails if the browser reported an error, if anything was asked of another origin, if axe finds a
violation of serious or critical impact in what stands on the wide screen at the end, or if that is too wide for a telephone.
axe takes seconds, so it looks at what no test before has ended with: another kind of element, or one in another place.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from playwright.sync_api import Request as Asked

from reverie import train

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
SIZES = {"wide": (1280, 800), "narrow": (390, 844)}
NARROWEST = {"width": 320, "height": 800}
PATIENCE = 60_000  # milliseconds; only a broken page takes as long
DRAWN = "() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))"
PLACES = """() => {
    const places = new Set();
    const walk = (element, above) => {
        if (!element.checkVisibility()) return;
        const told = element.getAttributeNames().filter((name) => !/^(style|value|d|x|y)$|^data-/.test(name)).sort();
        const says = element.textContent.trim() ? "text" : "";
        const place = [above, element.tagName, ...element.classList, element.getAttribute("role"), told, says].join(" ");
        places.add(place);
        if (element.tagName !== "svg") for (const each of element.children) walk(each, place);
    };
    walk(document.body, document.documentElement.dataset.theme ?? "");
    return [...places];
}"""

expect.set_options(timeout=PATIENCE)


@dataclass
class Log:
    """What the page asked for, and what the browser complained of. `allow` names complaints that a test brings about."""

    requests: list[Asked] = field(default_factory=list)
    pending: set[Asked] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)
    allow: list[str] = field(default_factory=list)

    def calls(self) -> list[str]:
        """The addresses asked for so far."""
        return [request.url for request in self.requests]

    def unexpected(self) -> list[str]:
        return [text for text in self.complaints if not any(re.search(pattern, text) for pattern in self.allow)]


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("workspace")


@pytest.fixture(scope="session")
def digits(workspace: Path) -> str:
    """A run of pictures: two steps of a narrow network, which is enough to be asked."""
    train("digits", workspace / "runs" / "digits", steps=2, settings={"network.width": 8, "training.batch": 16})
    return "runs/digits"


@pytest.fixture(scope="session")
def visits() -> Callable[..., str]:
    """visits(patients) is a small table as CSV, the same each time: a marker that falls, and a level that may be missing."""

    def text(patients: int = 30) -> str:
        draw = random.Random(7)
        lines = ["patient,month,sex,age,marker,stage"]
        for patient in range(1, patients + 1):
            sex, age, start = draw.choice(["female", "male"]), draw.randint(30, 80), draw.uniform(3, 9)
            for month in range(0, 12, 3):
                marker = f"{start - 0.2 * month + draw.gauss(0, 0.3):.2f}" if month == 0 or draw.random() > 0.2 else ""
                lines.append(f"{patient},{month},{sex},{age},{marker},{draw.choice(['low', 'mid', 'high', ''])}")
        return "\n".join(lines) + "\n"

    return text


@pytest.fixture(scope="session")
def table(workspace: Path, visits: Callable[..., str]) -> str:
    (workspace / "visits.csv").write_text(visits())
    return "visits.csv"


@pytest.fixture(scope="session")
def model(workspace: Path, table: str) -> str:
    """A run of that table: a few steps of a narrow network, which is enough to be asked."""
    settings = {"network.width": 8, "training.batch": 16, "training.log_every": 1}
    train(workspace / table, workspace / "runs" / "visits", steps=4, settings=settings)
    return "runs/visits"


class Served:
    """`reverie serve` in a process of its own, that can be killed and begun again at the same address."""

    def __init__(self, workspace: Path) -> None:
        self.workspace, self.port = workspace, 0

    def __enter__(self) -> Served:
        self.begin()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(60)

    def begin(self) -> None:
        command = [sys.executable, "-m", "reverie", "serve", "--workspace", str(self.workspace), "--port", str(self.port)]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        with (self.workspace.parent / "serve.log").open("a") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()
        assert self.address.startswith("http://"), f"the server did not start: {Path(log.name).read_text()}"
        self.port = int(self.address.rpartition(":")[2])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(60)


@pytest.fixture(scope="session")
def served() -> type[Served]:
    """For tests that need a server of their own."""
    return Served


@pytest.fixture(scope="session")
def address(workspace: Path) -> Iterator[str]:
    """Where the server of this session answers."""
    with Served(workspace) as server:
        yield server.address


@pytest.fixture(scope="module")  # while it lives an event loop runs in this thread, and other tests run loops of their own
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        yield browser
        browser.close()


@pytest.fixture(params=SIZES)
def size(request: pytest.FixtureRequest) -> str:
    """wide or narrow. A test that one size is enough for is parametrised: ("size", ["wide"], indirect=True)."""
    return request.param


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture(scope="session")
def looked_at() -> set[int]:
    """The places of elements that axe has found nothing wrong with."""
    return set()


@pytest.fixture
def page(chromium: Browser, address: str, size: str, log: Log, looked_at: set[int]) -> Iterator[Page]:
    width, height = SIZES[size]
    context = chromium.new_context(
        viewport={"width": width, "height": height},
        permissions=["clipboard-read", "clipboard-write"],
        accept_downloads=True,
        base_url=address,
        reduced_motion="reduce",  # nothing moves but what a test sets in motion
    )
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    watch(page, log)
    yield page
    grave = []
    if size == "wide" and page.url.startswith("http"):  # both widths have the same elements
        places = {hash(place) for place in page.evaluate(PLACES)}
        if not places <= looked_at:
            grave = violations(page)
        if not grave:
            looked_at |= places
    page.set_viewport_size(NARROWEST)
    page.wait_for_function("() => document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    context.close()
    leave_nothing(address)
    foreign = [url for url in log.calls() if not url.startswith((address + "/", "data:", "blob:"))]
    assert not foreign, f"asked of another origin: {foreign}"
    assert not log.unexpected(), f"the browser complained: {log.unexpected()}"
    assert not grave, "hard to use for some: " + "\n".join(grave)


def leave_nothing(address: str) -> None:
    """Ends what still runs at the server: it would only keep the next test waiting."""
    with suppress(OSError):  # a test may have ended the server itself
        with urlopen(f"{address}/api/jobs?state=queued&state=running", timeout=60) as reply:
            jobs = json.load(reply)["jobs"]
        for job in jobs:
            stop = Request(f"{address}/api/jobs/{job['id']}/cancel", b"{}", {"Content-Type": "application/json"})
            urlopen(stop, timeout=60).close()


def violations(page: Page) -> list[str]:
    """What axe finds of serious or critical impact."""
    found = Axe().run(page).response["violations"]
    return [
        f"{violation['id']} ({violation['impact']}): {node['target']} {node['html'][:200]}"
        for violation in found
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


def settle(page: Page, log: Log) -> None:
    """Waits until nothing is fetched any more, and what came has been drawn and has led to no other call."""
    calm = 0
    while calm < 2:
        seen = len(log.requests)
        page.evaluate(DRAWN)
        calm = calm + 1 if not log.pending and len(log.requests) == seen else 0


def watch(page: Page, log: Log) -> None:
    def complain(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            log.complaints.append(f"{message.type}: {message.text} {message.location.get('url', '')}")

    def begun(request: Asked) -> None:
        log.requests.append(request)
        log.pending.add(request)

    page.on("request", begun)
    for ended in ("requestfinished", "requestfailed"):
        page.on(ended, lambda request: log.pending.discard(request))
    page.on("console", complain)
    page.on("pageerror", lambda error: log.complaints.append(f"error: {error}"))


@pytest.fixture
def visit(page: Page, log: Log) -> Callable[..., Page]:
    """Opens a view by what stands after the # of its address, afresh; if `idle`, waits until nothing is fetched any more."""

    def go(view: str = "", idle: bool = True) -> Page:
        page.goto("about:blank")
        log.pending.clear()  # what was left unanswered is of the page before
        page.goto(f"/#/{view}" if view else "/")
        if idle:
            settle(page, log)
        return page

    return go


@pytest.fixture
def settled(page: Page, log: Log) -> Callable[[], None]:
    """Waits as `visit` does."""
    return lambda: settle(page, log)


DROP = """([name, text]) => {
    const files = new DataTransfer();
    files.items.add(new File([text], name, {type: "text/csv"}));
    const drop = new DragEvent("drop", {dataTransfer: files, bubbles: true, cancelable: true});
    document.querySelector(".drop").dispatchEvent(drop);
}"""


@pytest.fixture
def drop(page: Page) -> Callable[[str, str], None]:
    """Drops a file of this name and text on the first place for it."""
    return lambda name, text: page.evaluate(DROP, [name, text])
