"""A page whose server is killed in mid-training: it keeps its job, asks again, and finds it again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect


@pytest.fixture
def server(served: Any, tmp_path: Path) -> Iterator[Any]:
    """One of its own: others go on using that of the session."""
    with served(tmp_path / "work", quick_workers=0) as running:
        yield running


@pytest.fixture
def address(server: Any) -> str:
    return server.address


@pytest.mark.parametrize("size", ["wide"], indirect=True)
def test_a_page_finds_its_training_again_when_the_server_was_killed(
    visit: Callable[..., Page], visits: Callable[..., str], answer: Callable[..., None], server: Any, log: Any
) -> None:
    log.allow += ["net::ERR_", "404"]
    (server.workspace / "visits.csv").write_text(visits())
    page = visit("records?step=train&table=visits.csv&count=100000&out=runs/long&set=network.width=8,batch=16,log_every=1")
    page.get_by_role("button", name="Train", exact=True).click()
    progress, away = (
        page.get_by_text(re.compile("of 100,000")),
        page.get_by_text(re.compile("does not answer; trying again")),
    )
    expect(progress).to_be_visible()
    found = re.search("job=([0-9a-f]+)", page.url)
    assert found

    def attempt() -> int:
        return page.evaluate("async (id) => (await (await fetch(`/api/jobs/${id}`)).json()).attempt", found[1])

    assert attempt() == 1
    server.kill()
    expect(away).to_contain_text("again in 2 s")  # that pauses grow is a matter of test_work.py
    assert found[0] in page.url
    server.begin(quick_workers=0)
    expect(away).to_be_hidden()
    expect(progress).to_be_visible()
    expect(page.locator(".plot .legend")).to_be_visible()
    assert attempt() == 2 and found[0] in page.url

    gone = {"title": "There is nothing here", "status": 404, "detail": "There is no such job."}
    told = {"status": 404, "json": gone, "content_type": "application/problem+json"}
    answer(re.compile(f"/api/jobs/{found[1]}"), lambda route: route.fulfill(**told))
    server.kill()  # and whoever comes in its place knows nothing of it
    expect(page.get_by_role("alert")).to_contain_text("not known here any more")
    expect(page).not_to_have_url(re.compile(found[0]))
