"""The page in a real browser, against a real server in a workspace of its own.

Whatever a test does, it fails if the browser reported an error, if anything was asked of another origin, if axe finds a
violation of serious or critical impact in what stands on the wide screen at the end, or if that is too wide for a telephone.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from reverie import train

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
SIZES = {"wide": (1280, 800), "narrow": (390, 844)}
PATIENCE = 60_000  # milliseconds; only a broken page takes as long

expect.set_options(timeout=PATIENCE)


@dataclass
class Log:
    """What the page asked for, and what the browser complained of. `allow` names complaints that a test brings about."""

    requests: list[Request] = field(default_factory=list)
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


PLACES = """() => {
    const told = (el) => [el.tagName, el.className.baseVal ?? el.className, ...el.getAttributeNames().sort()];
    const named = (el) => el.labels?.length || el.textContent.trim() !== "";
    const theme = document.documentElement.dataset.theme ?? "";
    const shown = [...document.querySelectorAll("body *")].filter((el) => el.checkVisibility());
    return [...new Set(shown.map((el) => [theme, ...told(el.parentElement), ...told(el), Boolean(named(el))].join(" ")))];
}"""
"""What stands on the page, each thing by its element, its classes and attributes, those of what it is in, and the theme."""


@pytest.fixture(scope="session")
def looked_at() -> set[str]:
    """The PLACES that axe has seen."""
    return set()


@pytest.fixture
def page(chromium: Browser, address: str, size: str, log: Log, looked_at: set[str]) -> Iterator[Page]:
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
    # axe takes seconds: it looks where something stands that has not stood so before; both widths have the same elements
    places = set(page.evaluate(PLACES)) if size == "wide" and page.url.startswith("http") else set()
    found = Axe().run(page).response["violations"] if places - looked_at else []
    looked_at.update(places)
    grave = [
        f"{violation['id']} ({violation['impact']}): {node['target']} {node['html'][:200]}"
        for violation in found
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]
    page.set_viewport_size({"width": 360, "height": 800})
    page.wait_for_function("() => document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    context.close()
    foreign = [url for url in log.calls() if not url.startswith((address + "/", "data:", "blob:"))]
    assert not foreign, f"asked of another origin: {foreign}"
    assert not log.unexpected(), f"the browser complained: {log.unexpected()}"
    assert not grave, "hard to use for some: " + "\n".join(grave)


def watch(page: Page, log: Log) -> None:
    def complain(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            log.complaints.append(f"{message.type}: {message.text} {message.location.get('url', '')}")

    page.on("request", lambda request: log.requests.append(request))
    page.on("console", complain)
    page.on("pageerror", lambda error: log.complaints.append(f"error: {error}"))


@pytest.fixture
def visit(page: Page) -> Callable[..., Page]:
    """Opens a view by what stands after the # of its address, afresh; if `idle`, waits until nothing is fetched any more."""

    def go(view: str = "", idle: bool = True) -> Page:
        page.goto("about:blank")
        page.goto(f"/#/{view}" if view else "/")
        if idle:
            page.wait_for_load_state("networkidle")
        return page

    return go


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
