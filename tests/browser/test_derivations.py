"""The derivations view: every check of the derivations is a step with its verdict, every mistake shows its damage."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from reverie.studies.mistakes import mistakes

Visit = Callable[..., Page]
Answer = Callable[..., None]
ONE_SIZE = pytest.mark.parametrize("size", ["wide"], indirect=True)
ROOT = Path(__file__).parents[2]


def told(*chapters: str) -> set[str]:
    """The names of the checks that docs/mathematics.md tells in these chapters."""
    text = (ROOT / "docs" / "mathematics.md").read_text(encoding="utf-8")
    return {name for name in re.findall(r"`([a-z]+/[a-z0-9-]+)`", text) if name.split("/")[0] in chapters}


@ONE_SIZE
@pytest.mark.parametrize(("part", "chapters"), [("", ("variance", "reverse")), ("?part=mean", ("mean",))])
def test_each_step_has_its_formula_and_its_check(visit: Visit, part: str, chapters: tuple[str, ...]) -> None:
    page = visit(f"derivations{part}", idle=False)
    steps = page.locator(".steps li")
    expect(steps.first).to_be_visible()
    names = set(steps.locator("code").all_inner_texts())
    assert names == told(*chapters)
    expect(page.locator(".steps .verdict[data-state=passed]")).to_have_count(len(names))
    expect(page.get_by_role("status")).to_contain_text(f"{len(names)} of {len(names)} checks hold")
    assert steps.locator("math").count() == len(names)
    if not part:  # words keep their spaces, and a name such as log stands off from its argument
        assert "skewness\u00a0of" in steps.locator("mtext").all_text_contents()
        spaces = (
            "math => [...math.querySelectorAll('mi')].filter((mi) => mi.textContent === 'log').map((mi) => mi.nextSibling)"
        )
        after = f"math => ({spaces})(math).map((next) => next.tagName)"
        assert set(steps.locator("math", has_text="log").first.evaluate(after)) == {"mspace"}
    expect(steps.first.locator(".verdict")).to_contain_text(re.compile(r"largest error \S+, allowed \S+"))


@ONE_SIZE
def test_a_step_that_is_not_checked_yet_says_so_and_one_that_fails_too(visit: Visit, answer: Answer) -> None:
    checks = [
        {"name": "mean/clean-estimate", "compared": "a | b", "largest_error": 0.5, "tolerance": 1e-9, "passed": False},
        {"name": "mean/result", "compared": "a | b", "largest_error": 1e-15, "tolerance": 1e-9, "passed": True},
    ]
    held: list = []
    answer("**/api/proofs", lambda route: held.append(route))
    page = visit("derivations?part=mean", idle=False)
    expect(page.locator(".steps .verdict[data-state=running]")).to_have_count(13)
    held[0].fulfill(json={"checks": checks})
    first = page.locator(".steps li").first.locator(".verdict")
    expect(first).to_have_text(re.compile("Fails.*largest error 0.5"))
    expect(page.locator(".steps .verdict[data-state=passed]")).to_have_count(1)
    expect(page.get_by_text("Not answered")).to_have_count(11)
    expect(page.get_by_text("1 of 2 checks hold")).to_be_visible()


@ONE_SIZE
def test_all_other_chapters_are_checked_as_well(visit: Visit, answer: Answer) -> None:
    """With the answer that the server would give, which takes long: its own tests wait for it."""
    chapters = ["forward", "conversion", "schedule", "sampler", "bound", "loss", "posterior"]
    names, asked = told(*chapters), []

    def prove(route: Route) -> None:
        asked.append(route.request.post_data_json["chapters"])
        compared = {"compared": "a | b", "largest_error": 1e-15, "tolerance": 1e-9, "passed": True}
        route.fulfill(json={"checks": [{"name": name} | compared for name in names]})

    answer("**/api/proofs", prove)
    page = visit("derivations?part=others", idle=False)
    expect(page.locator(".laws tbody tr")).to_have_count(len(names))
    expect(page.locator(".laws .verdict[data-state=passed]")).to_have_count(len(names))
    assert [sorted(each) for each in asked] == [sorted(chapters)]


@ONE_SIZE
def test_every_mistake_shows_both_forms_and_its_damage(visit: Visit) -> None:
    page = visit("derivations?part=mistakes", idle=False)
    cards = page.locator(".mistake")
    expect(cards.first).to_be_visible()
    titles = re.findall(r"^### (\d+[a-z]?\. .+)$", (ROOT / "docs" / "mistakes.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert cards.locator("h3").all_inner_texts() == titles
    expect(page.locator(".mistake .verdict[data-state=passed]")).to_have_count(len(titles))
    expect(page.locator("#mistake-5b .measure")).to_have_count(2)
    expect(page.locator("#mistake-5b")).to_contain_text("92 times too much")


@ONE_SIZE
def test_the_numbers_of_the_mistakes_can_be_saved(visit: Visit) -> None:
    page = visit("derivations?part=mistakes", idle=False)
    expect(page.locator(".mistake").first).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the numbers").click()
    saved = {row["number"]: row for row in json.loads(Path(download.value.path()).read_text())}
    assert saved["5b"]["numbers"] == next(dict(row.numbers) for row in mistakes() if row.number == "5b")


@ONE_SIZE
def test_the_dark_theme_is_as_readable(visit: Visit) -> None:
    page = visit("derivations?part=mistakes")
    page.get_by_role("button", name="Dark theme").click()
    expect(page.locator(".mistake").first).to_be_visible()


@ONE_SIZE
def test_what_failed_can_be_tried_again(visit: Visit, answer: Answer, log: Any) -> None:
    log.allow.append("503")
    body = {"title": "Busy", "status": 503, "detail": "The queue is full: try again in a few seconds."}
    answer("**/api/proofs", lambda route: route.fulfill(status=503, json=body, content_type="application/problem+json"))
    page = visit("derivations?part=mean")
    expect(page.get_by_role("alert")).to_contain_text("The queue is full")
    expect(page.get_by_role("status")).to_contain_text("Not checked")
    page.unroute("**/api/proofs")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".steps .verdict[data-state=passed]")).to_have_count(13)
