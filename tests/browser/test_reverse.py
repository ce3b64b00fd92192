"""The reverse view shows the very states of one run, moves over them as a film, and a stop ends the work at the server."""

from __future__ import annotations

import base64
import contextlib
import csv
import io
import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from reverie.cli import main
from reverie.studies import reverse, subject
from reverie.studies.denoising import oracle

Visit = Callable[..., Page]
ONE_SIZE = pytest.mark.parametrize("size", ["wide"], indirect=True)
SMALL = "reverse?size=16&steps=6&seed=3"
LONG = "reverse?size=128&steps=200"
LAST_JOB_IS = "async (wanted) => (await (await fetch('/api/jobs')).json()).jobs[0]?.state === wanted"


def pixels(page: Page, place: int) -> np.ndarray:
    """What stands on the canvas of the state (0) or of the prediction (1), uint8 [H, W, 3]."""
    url = page.locator(".pane canvas").nth(place).evaluate("canvas => canvas.toDataURL('image/png')")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).convert("RGB"))


def frame(page: Page, at: int, of: int) -> None:
    """Waits until the film shows this frame."""
    expect(page.locator(".transport output")).to_contain_text(f"{at} of {of},")


@ONE_SIZE
@pytest.mark.parametrize("sampler", ["ddim", "dpmpp"])
def test_every_frame_is_the_state_that_the_library_computes(visit: Visit, sampler: str) -> None:
    page = visit(f"{SMALL}&sampler={sampler}")
    expected = reverse(16, 16, 6, sampler=sampler, seed=3, views=None).views
    for i, view in enumerate(expected):
        frame(page, i, 6)
        assert np.array_equal(pixels(page, 0), view.state), f"frame {i}"
        if view.predicted is not None:
            assert np.array_equal(pixels(page, 1), view.predicted), f"prediction {i}"
            page.get_by_role("button", name="Step", exact=True).click()
    expect(page.get_by_role("button", name="Step", exact=True)).to_be_disabled()
    expect(page.locator(".pane").nth(1)).to_contain_text("the last one")


def test_it_plays_pauses_steps_and_goes_back(visit: Visit) -> None:
    page = visit("reverse?size=16&steps=40&speed=25")
    frame(page, 0, 40)
    expect(page.get_by_role("button", name="Back")).to_be_disabled()
    page.get_by_role("button", name="Play").click()
    expect(page.locator(".transport output")).not_to_contain_text("0 of 40,")
    page.get_by_role("button", name="Pause").click()
    at = int(page.get_by_role("slider", name="Frame").input_value())
    page.wait_for_timeout(300)
    assert int(page.get_by_role("slider", name="Frame").input_value()) == at > 0
    page.get_by_role("slider", name="Frame").fill("10")
    frame(page, 10, 40)
    page.get_by_role("button", name="Step", exact=True).click()
    frame(page, 11, 40)
    page.get_by_role("button", name="Back").click()
    page.get_by_role("button", name="Back").click()
    frame(page, 9, 40)
    page.get_by_role("button", name="Play").click()
    page.get_by_role("button", name="Stop").click()
    frame(page, 0, 40)
    page.wait_for_timeout(300)
    frame(page, 0, 40)


@ONE_SIZE
def test_the_film_obeys_the_keyboard(visit: Visit) -> None:
    page = visit(SMALL)
    page.locator(".pane canvas").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    frame(page, 1, 6)
    page.keyboard.press("End")
    frame(page, 6, 6)
    page.keyboard.press("Space")  # from the end it plays once more from the start
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Play")).to_be_visible()


@ONE_SIZE
def test_a_link_shows_the_same_frame_of_the_same_run(visit: Visit) -> None:
    page = visit(f"{SMALL}&frame=4&eta=0.5")
    frame(page, 4, 6)
    before = pixels(page, 0)
    page.get_by_role("button", name="Step", exact=True).click()
    expect(page).to_have_url(re.compile("frame=5"))
    page.reload()
    frame(page, 5, 6)
    page.get_by_role("button", name="Back").click()
    assert np.array_equal(pixels(page, 0), before)


@ONE_SIZE
def test_a_stop_ends_the_work_at_the_server(visit: Visit) -> None:
    page = visit("schedules")
    page.evaluate(f"location.hash = '#/{LONG}'")
    expect(page.get_by_text(re.compile(r"\d+ of 200"))).to_be_visible()  # it is under way
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Nothing is computing any more")).to_be_visible()
    page.wait_for_function(LAST_JOB_IS, arg="cancelled")


@ONE_SIZE
def test_other_settings_end_the_work_before(visit: Visit) -> None:
    page = visit(f"{LONG}&seed=1", idle=False)
    expect(page.get_by_text(re.compile(r"\d+ of 200"))).to_be_visible()
    expect(page).to_have_url(re.compile("work="))
    before = re.search("work=([0-9a-f]{32})", page.url)
    page.get_by_role("button", name="New noise").click()
    page.get_by_role("button", name="Stop").click()
    page.wait_for_function(LAST_JOB_IS, arg="cancelled")
    assert before
    ended = "async (id) => (await (await fetch(`/api/jobs/${id}`)).json()).state === 'cancelled'"
    page.wait_for_function(ended, arg=before[1])


def test_another_sampler_runs_at_once_and_eta_stands_only_where_it_applies(visit: Visit) -> None:
    page = visit(SMALL)
    expect(page.get_by_role("slider", name="Eta")).to_be_visible()
    page.get_by_label("Sampler").select_option("heun")
    expect(page.get_by_text("Heun, 11 network calls")).to_be_visible()
    expect(page.get_by_role("slider", name="Eta")).to_be_hidden()
    expect(page).to_have_url(re.compile("sampler=heun"))
    expect(page.locator(".badge")).to_contain_text("exact")


@ONE_SIZE
def test_the_oracle_is_told_a_picture_and_says_so(visit: Visit) -> None:
    page = visit("reverse?denoiser=oracle&picture=digits:3&size=16&steps=4&frame=4")
    frame(page, 4, 4)
    expect(page.locator(".badge")).to_contain_text("oracle")
    by = oracle(subject("digits:3"), 16, 16)
    expected = reverse(16, 16, 4, by=by, views=None).final
    assert np.array_equal(pixels(page, 0), np.broadcast_to(expected, (16, 16, 3)))
    page.get_by_role("button", name="china", exact=False).first.or_(page.locator(".thumb").last).last.click()
    expect(page).not_to_have_url(re.compile("digits:3"))
    frame(page, 0, 4)


@ONE_SIZE
def test_a_trained_run_is_a_denoiser_among_the_others(visit: Visit, digits: str) -> None:
    page = visit("reverse?steps=4&size=16")
    page.get_by_label("Denoiser").select_option(f"model:{digits}")
    expect(page.locator(".badge")).to_contain_text("learned")
    expect(page).to_have_url(re.compile(f"model={digits}"))
    expect(page.get_by_label("Size")).to_be_hidden()
    expect(page.get_by_role("slider", name="Guidance")).to_be_hidden()
    page.get_by_label("Class").select_option("3")
    expect(page.get_by_text("of class 3")).to_be_visible()
    guidance = page.get_by_role("slider", name="Guidance")
    guidance.fill("2")
    expect(page.get_by_text("of class 3, guidance 2")).to_be_visible()
    expect(page.get_by_text("8 network calls")).to_be_visible()
    expect(page).to_have_url(re.compile("of=3.*guidance=2|guidance=2.*of=3"))
    page.get_by_role("button", name="Show the call").click()
    expect(page.locator("dialog pre")).to_contain_text('"where":["class=3"],"guidance":2')


@ONE_SIZE
def test_frame_and_numbers_can_be_saved(visit: Visit) -> None:
    page = visit(f"{SMALL}&frame=2")
    frame(page, 2, 6)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save this frame").click()
    saved = np.asarray(Image.open(download.value.path()).convert("RGB"))
    assert np.array_equal(saved, pixels(page, 0))
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the numbers").click()
    rows = list(csv.DictReader(Path(download.value.path()).read_text().splitlines()))
    steps = reverse(16, 16, 6, seed=3).steps
    assert [(int(row["t"]), int(row["s"])) for row in rows] == [(step.t, step.s) for step in steps]
    assert np.allclose([float(row["alpha_bar"]) for row in rows], [step.alpha_bar for step in steps])
    with page.expect_download() as download:
        page.get_by_role("button", name="Save everything").click()
    assert len(json.loads(Path(download.value.path()).read_text())["frames"]) == 7


@ONE_SIZE
def test_the_shown_call_gives_the_same_picture(visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = visit("reverse?size=16&steps=10&seed=3&sampler=dpmpp&frame=10")
    frame(page, 10, 10)
    page.get_by_role("button", name="Show the call").click()
    page.get_by_role("tab", name="Command line").click()
    command = page.locator("dialog pre").inner_text()
    assert command.startswith("reverie study reverse ")
    monkeypatch.chdir(tmp_path)
    with contextlib.suppress(SystemExit):
        main([*shlex.split(command)[1:], "--final", "end.png"])
    assert np.array_equal(np.asarray(Image.open(tmp_path / "end.png").convert("RGB")), pixels(page, 0))


@ONE_SIZE
def test_a_run_that_is_not_there_is_said_in_a_sentence(visit: Visit, log: Any) -> None:
    log.allow.append("404|422")
    page = visit("reverse?model=runs/nothing")
    expect(page.get_by_role("alert")).to_contain_text("runs/nothing")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
