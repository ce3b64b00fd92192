"""The one tab of the browser, which tests hand on to each other: how it goes from view to view, and what is wrong there."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Request

__all__ = ["PATIENCE", "SIZES", "Log", "Tab"]

SIZES = {"wide": (1280, 800), "narrow": (390, 844)}
NARROWEST = {"width": 320, "height": 800}
PATIENCE = 60_000  # milliseconds; only a broken page takes as long
FRAMES = 20  # in which what a view asked for ends once it was left
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

LOOK = "async () => (await axe.run({resultTypes: ['violations'], iframes: false})).violations"
GO = """([hash, routed]) => {
    for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
    const go = (hash) => {
        history.pushState(null, "", location.pathname + hash);
        if (routed) dispatchEvent(new HashChangeEvent("hashchange"));
    };
    if (routed) go("#/none");  // else a test may see the view before and take it for its own
    go(hash);
}"""
LEAVE = """() => {
    for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
    history.pushState(null, "", "#/none");
    dispatchEvent(new HashChangeEvent("hashchange"));
    const themed = "theme" in document.documentElement.dataset;
    localStorage.clear();
    sessionStorage.clear();
    indexedDB.deleteDatabase("reverie");
    return themed;
}"""


@dataclass
class Log:
    """What the page asked for, and what the browser complained of. `allow` names complaints that a test brings about."""

    requests: list[Request] = field(default_factory=list)
    pending: set[Request] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)
    allow: list[str] = field(default_factory=list)

    def calls(self) -> list[str]:
        """The addresses asked for so far."""
        return [request.url for request in self.requests]

    def unexpected(self) -> list[str]:
        return [text for text in self.complaints if not any(re.search(pattern, text) for pattern in self.allow)]


class Tab:
    """The one tab of the browser. Loading a page costs more than what most tests do there, so they hand it on.

    Each finds it without a view, and with nothing kept in the browser. Where more was left, the page is `stale`: it is
    loaded anew for the next view.
    """

    def __init__(self, browser: Browser) -> None:
        self.browser, self.context = browser, None
        self.address, self.log, self.stale, self.answered = "", Log(), True, False

    def at(self, address: str, size: str, log: Log) -> Page:
        """The page of the server at this address; what it asks and complains of is in `log` from now on."""
        if self.context is None or address != self.address:
            self.close()
            self.address = address
            self.context = self.browser.new_context(
                permissions=["clipboard-read", "clipboard-write"],
                accept_downloads=True,
                base_url=address,
                reduced_motion="reduce",  # nothing moves but what a test sets in motion
            )
            self.context.set_default_timeout(PATIENCE)
            self.page = self.context.new_page()
            self._watch()
        width, height = SIZES[size]
        self.page.set_viewport_size({"width": width, "height": height})
        self.log = log
        return self.page

    def go(self, hash: str, fresh: bool = False) -> None:
        """Opens the view of this hash."""
        here = self.page.url.partition("#")[0] == f"{self.address}/"
        if here:
            self.page.evaluate(GO, [hash, not (fresh or self.stale)])
            if fresh or self.stale:
                self.log.pending.clear()  # what was left unanswered is of the page before
                self.page.reload()
        else:
            self.page.goto(f"/{hash}")
        self.stale = False

    def leave(self) -> None:
        """Leaves the view, as one does who goes elsewhere, and forgets what was kept."""
        for other in self.page.context.pages:
            if other is not self.page:
                other.close()
        if self.answered:
            self.page.goto("about:blank")  # what was never answered would go to the server now, and fail in the next test
            self.page.unroute_all()
        self.stale, self.answered = self.stale or self.answered, False
        if self.page.url.partition("#")[0] == f"{self.address}/":
            self.stale |= self.page.evaluate(LEAVE)
            for _ in range(FRAMES):
                if self.stale or not self.log.pending:
                    break
                self.page.evaluate(DRAWN)
            self.stale |= bool(self.log.pending)
        self.page.emulate_media(reduced_motion="reduce")
        self.page.mouse.move(0, 0)

    def close(self) -> None:
        context, self.context, self.stale = self.context, None, True
        if context is not None:
            context.close()

    def _watch(self) -> None:
        def complain(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                self.log.complaints.append(f"{message.type}: {message.text} {message.location.get('url', '')}")

        def begun(request: Request) -> None:
            self.log.requests.append(request)
            self.log.pending.add(request)

        self.page.on("request", begun)
        for ended in ("requestfinished", "requestfailed"):
            self.page.on(ended, lambda request: self.log.pending.discard(request))
        self.page.on("console", complain)
        self.page.on("pageerror", lambda error: self.log.complaints.append(f"error: {error}"))

    def settle(self) -> None:
        """Waits until nothing is fetched any more, and what came has been drawn and has led to no other call."""
        calm = 0
        while calm < 2:
            seen = len(self.log.requests)
            self.page.evaluate(DRAWN)
            calm = calm + 1 if not self.log.pending and len(self.log.requests) == seen else 0

    def wrong(self, looked_at: Path) -> list[str]:
        """What axe finds of serious or critical impact, where an element has a place that is not in the file `looked_at`.

        Of what stands in a frame it knows nothing: only the page around it is looked at.
        """
        if not self.page.url.startswith("http"):
            return []
        places = {sha256(place.encode()).hexdigest()[:16] for place in self.page.evaluate(PLACES)}
        known = set(looked_at.read_text().split()) if looked_at.exists() else set()
        if places <= known:
            return []
        if self.page.evaluate("() => !window.axe"):  # reading its source takes as long as looking
            self.page.evaluate(Axe().axe_script)
        found = [
            f"{violation['id']} ({violation['impact']}): {node['target']} {node['html'][:200]}"
            for violation in self.page.evaluate(LOOK)
            if violation["impact"] in ("serious", "critical")
            for node in violation["nodes"]
        ]
        if not found:
            with looked_at.open("a") as file:  # other processes write there too: whole lines, each at once
                file.write("".join(f"{place}\n" for place in sorted(places - known)))
        return found

    def narrow(self) -> None:
        """Makes the page as narrow as a telephone, and waits until nothing is too wide for it."""
        self.page.set_viewport_size(NARROWEST)
        self.page.wait_for_function("() => document.documentElement.scrollWidth <= document.documentElement.clientWidth")
