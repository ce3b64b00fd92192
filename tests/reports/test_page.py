"""The page stands alone: no request, no error, all numbers in it, whatever the names in a table."""

import json
import re
from html import unescape

import pytest

from reverie.reports.document import Report

MOST = 6_000_000


@pytest.fixture(scope="module")
def made(strange) -> Report:
    evil = strange.EVIL
    about = {"kind": "patients", "summary": evil, "source": evil, "seed": 0, "columns": []}
    return Report(about, (evil,), tuple(strange.sections()))


def shown(report: Report) -> set[str]:
    return {unescape(name) for name in re.findall(r'data-name="([^"]*)"', report.html())}


def test_every_measure_of_the_json_stands_in_the_page(made):
    names = [m["name"] for s in made.json()["sections"] for m in s["measures"]]
    assert len(names) == len(set(names)) > 15 and shown(made) == set(names)


def test_the_same_report_is_the_same_page_to_the_byte(made, strange):
    again = Report(made.about, made.cautions, tuple(strange.sections()))
    assert again.html() == made.html() and again.json() == made.json() and again.card() == made.card()


def test_json_is_strict(made):
    text = json.dumps(made.json(), allow_nan=False)
    assert json.loads(text)["verdict"]["headline"] == made.verdict.headline


def test_a_name_cannot_become_code(made):
    page = made.html()
    assert page.count("<script") == 1 and 'alert("x")</script>' not in page
    assert "script-src 'sha256-" in page and "default-src 'none'" in page


def test_the_page_names_no_other_place(made):
    assert not re.search(r"""(?:src|href|url\(|@import)\s*=?\s*["'(]?(?:https?:)?//""", made.html())


def test_what_a_caution_says_stands_in_the_card_and_under_what_to_look_at(made, strange):
    below = unescape(made.html()).partition("Look at first")[2]
    assert f"- {strange.EVIL}" in made.card() and f"<li>{strange.EVIL}</li>" in below


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_a_browser_it_asks_for_nothing_fails_at_nothing_and_fits(made, browser, tmp_path, width, scheme):
    file = tmp_path / "report.html"
    file.write_text(made.html())
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(file.as_uri())
    assert asked == [file.as_uri()] and said == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    drawn = page.locator("svg.plot")
    assert drawn.count() > 20
    page.close()


def test_boxes_hide_a_table_in_all_drawings_and_a_pointer_shows_values(made, browser, tmp_path):
    file = tmp_path / "report.html"
    file.write_text(made.html())
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(file.as_uri())
    line = page.locator("svg.plot path.stroke.s").first
    assert line.is_visible()
    page.locator(".tools input[value=s]").uncheck()
    assert line.evaluate("e => getComputedStyle(e).visibility") == "hidden"
    bin_ = page.locator("svg.plot .hit").nth(3)
    bin_.scroll_into_view_if_needed()
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")  # scrolling hides the tip
    bin_.hover()
    assert "real" in (page.locator("#tip.on").text_content(timeout=60_000) or "")
    page.close()


def test_in_print_all_that_is_folded_is_open(made, browser, tmp_path):
    file = tmp_path / "report.html"
    file.write_text(made.html())
    page = browser.new_page()
    page.goto(file.as_uri())
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.evaluate("[...document.querySelectorAll('details')].every(d => d.open)")
    rows = page.locator("tr[data-name]")
    assert rows.count() > 15 and all(rows.nth(i).is_visible() for i in range(rows.count()))
    assert page.locator("svg .bar").first.is_visible() and not page.locator(".tools").is_visible()
    assert page.pdf(prefer_css_page_size=True)[:5] == b"%PDF-"
    page.close()


def test_a_real_report_has_all_its_measures_and_weighs_less_than_it_may(healthy):
    names = {m.name for s in healthy.sections for m in s.measures}
    assert shown(healthy) == names and len(healthy.html().encode()) < MOST
