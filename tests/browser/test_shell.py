"""The shell around every view: moving between them, theme, links, narrow screens, what is said when something is missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

Visit = Callable[..., Page]
Answer = Callable[..., None]
ONE_SIZE = pytest.mark.parametrize("size", ["wide"], indirect=True)
VIEWS = (
    *("Home", "Runs", "Reports", "Queue", "Files"),
    *("Records", "Pictures"),
    *("Forward", "Reverse", "Samplers", "Schedules", "Derivations", "Playground", "Lesson"),
)


@ONE_SIZE
def test_a_newcomer_is_asked_for_a_picture_or_a_table(visit: Visit) -> None:
    page = visit()
    expect(page.get_by_role("heading", level=1)).to_have_text("A picture or a table?")
    expect(page).to_have_title("Home – Reverie")
    expect(page.locator("nav [aria-current=page]")).to_have_text("Home")


def test_every_view_is_one_press_away(visit: Visit, answer: Answer, size: str) -> None:
    """A narrow one is behind a menu; that none scrolls sideways is looked at after every test."""
    # nobody waits for what the views ask the server to compute
    answer("**/api/**", lambda route: route.fallback() if route.request.method == "GET" else None)
    page = visit("schedules")
    for name in VIEWS:
        if size == "narrow":
            page.get_by_role("button", name="Menu").click()
        page.get_by_role("navigation").get_by_role("link", name=name, exact=True).click()
        expect(page).to_have_title(f"{name} – Reverie")
        expect(page.get_by_text("This view did not")).to_have_count(0)
        expect(page.locator("nav [aria-current=page]")).to_have_text(name)
        expect(page.get_by_role("heading", level=1)).to_be_focused()


@ONE_SIZE
def test_the_theme_follows_the_toggle_and_is_kept(visit: Visit) -> None:
    page = visit("schedules")

    def paper() -> str:
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    light = paper()
    page.get_by_role("button", name="Dark theme").click()
    dark = paper()
    assert dark != light
    page.reload()
    assert paper() == dark
    page.get_by_role("button", name="Light theme").click()
    assert paper() == light
    page.get_by_role("button", name="Dark theme").click()  # axe looks at the dark one


@ONE_SIZE
def test_a_link_copied_is_the_address_with_all_settings(visit: Visit) -> None:
    page = visit("forward?picture=digits:3")
    page.get_by_role("slider", name="Step t").fill("123")
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.url and "t=123" in copied and "picture=digits:3" in copied


@ONE_SIZE
def test_an_unknown_view_is_said_to_be_unknown(visit: Visit) -> None:
    page = visit("nowhere")
    expect(page.get_by_role("heading", level=1)).to_have_text("No such view")
    page.get_by_role("link", name="Go to the start").click()
    expect(page).to_have_title("Home – Reverie")


@ONE_SIZE
def test_the_skip_link_leads_to_the_content_and_keeps_the_view(visit: Visit) -> None:
    page = visit("schedules?t=20", fresh=True)  # nothing has the focus yet
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main" and "schedules" in page.url


@ONE_SIZE
def test_a_server_that_is_gone_is_said_to_be_gone(visit: Visit, answer: Answer, page: Page, log: Any) -> None:
    log.allow.append("Failed to load resource")
    answer("**/api/schedules/**", lambda route: route.abort())
    visit("forward", idle=False)
    expect(page.get_by_role("alert")).to_contain_text("The server does not answer")
    page.unroute("**/api/schedules/**")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".subject-canvas")).to_be_visible()
