"""The samplers view compares by the library's numbers, marks samplers that draw noise, and stops when told to."""

from __future__ import annotations

import contextlib
import csv
import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from reverie.samplers import SAMPLERS, named
from reverie.studies import compare
from reverie.studies.denoising import grainy

Visit = Callable[..., Page]
ONE_SIZE = pytest.mark.parametrize("size", ["wide"], indirect=True)
SMALL = "samplers?size=16&samplers=ddim,heun,ancestral&steps=3,6&reference=20&seed=2"
LAST_JOB_IS = "async (wanted) => (await (await fetch('/api/jobs')).json()).jobs[0]?.state === wanted"
METHODS = Path(__file__).parents[2] / "src/reverie/service/page/views/methods.js"


@pytest.fixture(scope="module")
def expected():
    return compare(["ddim", "heun", "ancestral"], [3, 6], grainy(16, 16), reference_steps=20, seed=2)


def test_the_page_knows_the_samplers_of_the_library() -> None:
    text = METHODS.read_text()
    told = re.findall(r'\{ name: "(\w+)".*?random: (true|false)', text)
    assert {name for name, _ in told} == set(SAMPLERS)
    for name, random in told:
        assert named(name).stochastic == (random == "true"), name


@ONE_SIZE
def test_a_comparison_shows_the_numbers_of_the_library(visit: Visit, expected) -> None:
    page = visit(SMALL)
    expect(page.get_by_text("Choose samplers")).to_be_visible()
    page.get_by_role("button", name="Compare").click()
    expect(page.locator(".gallery img")).to_have_count(6)
    expect(page.locator(".gallery tbody tr")).to_have_count(3)
    expect(page.get_by_text("The reference", exact=True)).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the numbers").click()
    told = csv.DictReader(Path(download.value.path()).read_text().splitlines())
    rows = {(row["sampler"], int(row["steps"])): row for row in told}
    assert set(rows) == {(cell.sampler, cell.steps) for cell in expected.cells}
    for cell in expected.cells:
        row = rows[cell.sampler, cell.steps]
        assert int(row["calls"]) == cell.calls
        assert np.isclose(float(row["error"]), cell.error, rtol=1e-4)
    expect(page.locator(".gallery")).to_contain_text(f"{expected.cells[0].calls} calls")


@ONE_SIZE
def test_error_is_drawn_against_calls_and_seconds_on_logarithmic_axes(visit: Visit) -> None:
    page = visit(f"{SMALL}&run=1")
    expect(page.locator(".plot .legend").first).to_be_visible()
    expect(page.locator(".plot .legend")).to_have_count(2)
    axes = page.locator(".plot").evaluate_all("plots => plots.map((p) => [p.look.x.log, p.look.y.log, p.data.length])")
    assert axes == [[True, True, 3]] * 2
    page.get_by_text("The numbers as a table").first.click()
    expect(page.locator(".chart table tbody tr").first).to_be_visible()


@ONE_SIZE
def test_samplers_that_draw_noise_are_marked_and_never_the_nearest(visit: Visit, expected) -> None:
    page = visit(f"{SMALL}&run=1")
    expect(page.locator(".plot .legend")).to_have_count(2)
    row = page.locator(".gallery tr", has_text="Ancestral")
    expect(row).to_contain_text("draws noise")
    assert row.locator(".best").count() == 0
    assert page.locator(".gallery .best").count() == 2  # one in each column
    nearest = min((cell for cell in expected.cells if cell.steps == 6 and not cell.stochastic), key=lambda cell: cell.error)
    assert nearest.sampler == "heun"
    assert page.locator(".gallery tr", has_text="Heun").locator("td").nth(1).locator(".best").count() == 1


@ONE_SIZE
def test_a_picture_leads_to_its_run(visit: Visit) -> None:
    page = visit(f"{SMALL}&run=1")
    page.get_by_role("link", name="Heun in 6 steps").click()
    expect(page).to_have_url(re.compile("#/reverse.*sampler=heun&steps=6"))
    expect(page.get_by_text("Heun, 11 network calls")).to_be_visible()


@ONE_SIZE
def test_a_stop_ends_the_comparison_at_the_server(visit: Visit) -> None:
    page = visit("samplers?size=128&samplers=ddim,dpmpp,heun,ancestral&steps=160,180,200&reference=300")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text(re.compile(r"\d+ of 14"))).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Nothing is computing any more")).to_be_visible()
    page.wait_for_function(LAST_JOB_IS, arg="cancelled")


@ONE_SIZE
def test_what_cannot_be_compared_is_said_where_it_is_typed(visit: Visit) -> None:
    page = visit(SMALL)
    steps = page.get_by_label("Numbers of steps")
    steps.fill("3, many")
    steps.press("Tab")
    expect(page.get_by_text("Write whole numbers")).to_be_visible()
    steps.fill("4, 2, 4")
    steps.press("Tab")
    expect(page.get_by_text("Write whole numbers")).to_be_hidden()
    expect(page).to_have_url(re.compile("steps=2,4"))
    for name in ("DDIM", "Heun", "Ancestral"):
        page.get_by_label(name, exact=False).first.uncheck()
    expect(page.get_by_text("Choose at least one sampler")).to_be_visible()


@ONE_SIZE
def test_the_shown_python_gives_the_same_errors(visit: Visit, expected) -> None:
    page = visit(SMALL)
    page.get_by_role("button", name="Show the call").click()
    page.get_by_role("tab", name="Python").click()
    code = page.locator("dialog pre").inner_text()
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        exec(code, {})
    found = [float(line.split()[-1]) for line in told.getvalue().splitlines()]
    assert np.allclose(found, [cell.error for cell in expected.cells], rtol=1e-4)
