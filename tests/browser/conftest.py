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
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from reverie import train
from reverie.sources import ImageSource, TableSource

from .tab import PATIENCE, SIZES, Log, Tab

FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("workspace")


@pytest.fixture(scope="session")
def trained(workspace: Path) -> Callable[..., str]:
    """trained(data, name, steps, ...): a run of a narrow network, without figures, which take longer than the training."""

    def run(data: str | Path, name: str, steps: int, **settings: object) -> str:
        with pytest.MonkeyPatch.context() as patch:
            for kind in (ImageSource, TableSource):
                patch.setattr(kind, "show", lambda *_: None)
            train(data, workspace / "runs" / name, steps=steps, settings={"network.width": 8, **settings})
        return f"runs/{name}"

    return run


@pytest.fixture(scope="session")
def digits(trained: Callable[..., str]) -> str:
    """A run of pictures: two steps, which is enough to be asked."""
    return trained("digits", "digits", 2, **{"training.batch": 16})


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
def model(workspace: Path, table: str, trained: Callable[..., str]) -> str:
    """A run of that table: a few steps, which is enough to be asked."""
    return trained(workspace / table, "visits", 4, **{"training.batch": 16, "training.log_every": 1})


class Served:
    """`reverie serve` in a process of its own, that can be killed and begun again at the same address."""

    def __init__(self, workspace: Path, **settings: int) -> None:
        self.workspace, self.port, self.settings = workspace, 0, settings

    def __enter__(self) -> Served:
        self.begin(**self.settings)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(60)

    def begin(self, **settings: int) -> None:
        command = [sys.executable, "-m", "reverie", "serve", "--workspace", str(self.workspace), "--port", str(self.port)]
        given = {f"REVERIE_{name.upper()}": str(value) for name, value in settings.items()}
        environment = os.environ | {"OMP_NUM_THREADS": "1"} | given
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


@pytest.fixture(scope="package")  # while it lives an event loop runs in this thread, and other tests run loops of their own
def chromium(chromium_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS.split())
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def tab(chromium: Browser) -> Iterator[Tab]:
    tab = Tab(chromium)
    yield tab
    tab.close()


@pytest.fixture(params=SIZES)
def size(request: pytest.FixtureRequest) -> str:
    """wide or narrow. A test that one size is enough for is parametrised: ("size", ["wide"], indirect=True)."""
    return request.param


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture(scope="session")
def looked_at(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of the places of elements that axe has found nothing wrong with, for all processes that run tests now."""
    own = tmp_path_factory.getbasetemp()
    return (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "looked-at"


@pytest.fixture
def page(tab: Tab, address: str, size: str, log: Log, looked_at: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    failed = request.session.testsfailed
    page = tab.at(address, size, log)
    yield page
    if request.session.testsfailed > failed:  # nobody knows how it stands there
        tab.close()
        return leave_nothing(address)
    grave = tab.wrong(looked_at) if size == "wide" else []  # both widths have the same elements
    tab.narrow()
    tab.leave()
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


@pytest.fixture
def visit(tab: Tab, page: Page) -> Callable[..., Page]:
    """Opens a view by what stands after the # of its address; if `idle`, waits until nothing is fetched any more.

    The view is begun anew. With `fresh` so is the page, which otherwise remembers what it has asked of the server before.
    """

    def go(view: str = "", idle: bool = True, fresh: bool = False) -> Page:
        tab.go(f"#/{view}" if view else "", fresh)
        if idle:
            tab.settle()
        return page

    return go


@pytest.fixture
def answer(tab: Tab, page: Page) -> Callable[..., None]:
    """answer(addresses, how): answers them in the place of the server, of a page that has asked nothing yet."""

    def instead(addresses: str | re.Pattern[str], how: Callable[..., None]) -> None:
        tab.stale = tab.answered = True
        page.route(addresses, how)

    return instead


@pytest.fixture
def settled(tab: Tab, page: Page) -> Callable[[], None]:
    """Waits as `visit` does."""
    return lambda: tab.settle()


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
