"""The forward view shows the very states that the library computes, and moves without asking the server."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from typer.testing import CliRunner

from reverie.cli.app import app
from reverie.process import NoiseSchedule
from reverie.studies import forward

Visit = Callable[..., Page]
ONE_SIZE = pytest.mark.parametrize("size", ["wide"], indirect=True)
CANVAS = ".subject-canvas"


def pixels(page: Page) -> np.ndarray:
    """What stands on the canvas, uint8 [H, W, 3]."""
    url = page.locator(CANVAS).evaluate("canvas => canvas.toDataURL('image/png')")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).convert("RGB"))


def slide(page: Page, t: int) -> None:
    page.get_by_role("slider", name="Step t").fill(str(t))
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def picture(width: int = 40, height: int = 28) -> bytes:
    """A colour picture as PNG."""
    y, x = np.mgrid[:height, :width]
    rgb = np.stack([x * 255 // (width - 1), y * 255 // (height - 1), np.full_like(x, 90)], axis=2).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, format="PNG")
    return buffer.getvalue()


DROP = """([kind, name, data]) => {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    const files = new DataTransfer();
    files.items.add(new File([bytes], name, {type: "image/png"}));
    const event = kind === "drop"
        ? new DragEvent("drop", {dataTransfer: files, bubbles: true, cancelable: true})
        : new ClipboardEvent("paste", {clipboardData: files, bubbles: true});
    document.querySelector(".drop").dispatchEvent(event);
}"""


@ONE_SIZE
def test_the_canvas_shows_the_state_that_the_library_computes(visit: Visit) -> None:
    page = visit("forward?picture=digits:3&seed=5&t=0")
    for expected in forward("digits:3", [0, 1, 300, 1000], seed=5).frames:
        slide(page, expected.t)
        shown = pixels(page)
        assert shown.shape == (8, 8, 3)
        difference = np.abs(shown.astype(int) - expected.pixels.astype(int)).max()
        assert difference <= 1, expected.t  # single precision may round to the neighbouring grey
        if expected.snr_db is not None:
            expect(page.locator(".facts")).to_contain_text(f"{expected.snr_db:.1f} dB")


@ONE_SIZE
def test_dragging_changes_the_picture_and_asks_the_server_nothing(visit: Visit, log: Any) -> None:
    page = visit("forward?picture=flower&t=0")
    before, calls = pixels(page), len(log.calls())
    slider = page.get_by_role("slider", name="Step t")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 9, box["y"] + box["height"] / 2)
    page.mouse.down()
    seen = []
    for part in range(1, 11):
        page.mouse.move(box["x"] + box["width"] * part / 12, box["y"] + box["height"] / 2)
        page.evaluate("() => new Promise(requestAnimationFrame)")
        seen.append(int(slider.input_value()))
    page.mouse.up()
    assert seen == sorted(set(seen)) and seen[-1] > 700
    assert not np.array_equal(before, pixels(page))
    assert log.calls()[calls:] == []


def test_play_moves_t_until_paused(visit: Visit) -> None:
    page = visit("forward?picture=digits:8&t=10")
    slider = page.get_by_role("slider", name="Step t")
    page.get_by_role("button", name="Play").click()
    expect(slider).not_to_have_value("10")
    page.get_by_role("button", name="Pause").click()
    stopped = slider.input_value()
    page.wait_for_timeout(300)
    assert slider.input_value() == stopped and int(stopped) > 10
    page.wait_for_function("address => location.hash.includes(address)", arg=f"t={stopped}")


@pytest.mark.parametrize(("way", "size"), [("drop", "wide"), ("paste", "wide"), ("choose", "narrow")], indirect=["size"])
def test_a_picture_of_ones_own_can_be_dropped_pasted_or_chosen(visit: Visit, log: Any, way: str) -> None:
    page = visit("forward?t=0")
    if way == "choose":
        page.locator("input[type=file]").set_input_files({"name": "mine.png", "mimeType": "image/png", "buffer": picture()})
    else:
        page.evaluate(DROP, [way, "mine.png", base64.b64encode(picture()).decode()])
    expect(page.locator(f"{CANVAS}[width='40'][height='28']")).to_be_visible()
    shown = pixels(page)
    assert np.array_equal(shown, np.asarray(Image.open(io.BytesIO(picture()))))
    assert not any(request.method != "GET" for request in log.requests), "the picture must stay in the browser"
    expect(page).to_have_url(re.compile("picture=own:"))
    page.reload()  # the link still shows it, in this browser
    expect(page.locator(f"{CANVAS}[width='40'][height='28']")).to_be_visible()
    assert np.array_equal(pixels(page), shown)


HELD_FRAMES = """() => {
    window.due = [];
    window.held = false;
    const real = window.requestAnimationFrame;
    window.requestAnimationFrame = (call) => (window.held ? window.due.push(call) : real(call));
}"""
FRAME = "(now) => window.due.splice(0).forEach((call) => call(now))"


@ONE_SIZE
def test_a_dropped_picture_is_seen_clean_and_then_drowns(visit: Visit, page: Page) -> None:
    """Also where the one before it has drowned; the frames are the test's own."""
    page.emulate_media(reduced_motion="no-preference")
    visit("forward?picture=digits:3&t=1000")
    slider = page.get_by_role("slider", name="Step t")
    expect(slider).to_have_value("1000")
    page.evaluate(HELD_FRAMES)
    page.evaluate("window.held = true")
    page.evaluate(DROP, ["drop", "mine.png", base64.b64encode(picture()).decode()])
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    for now, t in ((1000, "0"), (1500, "0"), (4900, "500")):
        page.evaluate(FRAME, now)
        expect(slider).to_have_value(t)
        if t == "0":
            assert np.array_equal(pixels(page), np.asarray(Image.open(io.BytesIO(picture()))))
    page.evaluate(FRAME, 9000)
    expect(slider).to_have_value("1000")
    page.evaluate("window.held = false")


@ONE_SIZE
def test_a_link_that_plays_begins_clean_and_stays_so_where_nothing_shall_move(visit: Visit) -> None:
    page = visit("forward?picture=digits:3&play=1")
    assert np.array_equal(pixels(page), forward("digits:3", [0]).frames[0].pixels.repeat(3, 2))
    expect(page.get_by_role("button", name="Play")).to_be_enabled()
    slide(page, 300)
    expect(page).to_have_url(re.compile("t=300$"))


@ONE_SIZE
def test_the_noise_made_here_is_that_of_the_server(visit: Visit) -> None:
    """Fewer than 16 numbers, whole blocks, a block that overlaps the one before, and seeds of all sizes."""
    page = visit("lesson?step=end")
    for height, width, channels, seed in ((1, 1, 1, 0), (3, 5, 1, 7), (4, 4, 1, 1), (5, 7, 3, 12), (64, 48, 3, 2**31 - 1)):
        farthest = page.evaluate(
            """async ([height, width, channels, seed]) => {
                const { forwardNoise } = await import("/static/lib/randomness.js");
                const made = forwardNoise({ height, width, channels }, seed);
                const reply = await fetch(`/api/noise?height=${height}&width=${width}&channels=${channels}&seed=${seed}`);
                const told = new Float32Array(await reply.arrayBuffer());
                if (made.length !== told.length) return Infinity;
                return Math.max(...made.map((value, i) => Math.abs(value - told[i])));
            }""",
            [height, width, channels, seed],
        )
        assert farthest < 1e-6


@ONE_SIZE
def test_a_file_that_is_no_picture_is_refused_with_a_sentence(visit: Visit) -> None:
    page = visit("forward?picture=digits:1")
    page.locator("input[type=file]").set_input_files(
        {"name": "notes.png", "mimeType": "image/png", "buffer": b"not a picture"}
    )
    expect(page.get_by_text("notes.png is not a picture")).to_be_visible()
    expect(page.locator(CANVAS)).to_be_visible()  # what was there stays


@ONE_SIZE
def test_a_link_to_someone_elses_own_picture_says_where_it_is(visit: Visit) -> None:
    page = visit("forward?picture=own:0123456789abcdef")
    expect(page.get_by_role("alert")).to_contain_text("only in the browser where it was opened")


@ONE_SIZE
def test_the_dark_theme_is_as_readable(visit: Visit) -> None:
    page = visit("forward")
    page.get_by_role("button", name="Dark theme").click()


def test_the_film_leads_to_its_steps(visit: Visit) -> None:
    page = visit("forward?picture=digits:3&t=10")
    stills = page.locator(".still")
    expect(stills).to_have_count(9)
    stills.filter(has_text=re.compile(r"t = 700$")).click()
    expect(page.get_by_role("slider", name="Step t")).to_have_value("700")
    expect(stills.filter(has_text="t = 700")).to_have_attribute("aria-pressed", "true")


@ONE_SIZE
def test_the_same_link_gives_the_same_picture(visit: Visit, settled: Callable[[], None]) -> None:
    page = visit("forward?picture=digits:3")
    page.get_by_label("Schedule").select_option("cosine")
    page.get_by_text("Its settings").click()
    page.get_by_label("Steps T").fill("500")
    page.get_by_label("Steps T").blur()
    page.get_by_label("Seed of the noise").fill("9")
    page.get_by_label("Seed of the noise").blur()
    expect(page.get_by_role("slider", name="Step t")).to_have_attribute("max", "500")
    slide(page, 137)
    settled()
    expect(page).to_have_url(re.compile(r"schedule=cosine,steps=500&seed=9"))
    expect(page).to_have_url(re.compile(r"t=137"))
    shown, link = pixels(page), page.url.partition("#/")[2]
    assert np.array_equal(pixels(visit(link)), shown)
    expected = forward("digits:3", [137], NoiseSchedule.cosine(500), seed=9).frames[0].pixels
    assert np.abs(shown.astype(int) - expected.astype(int)).max() <= 1


@ONE_SIZE
def test_mean_and_deviation_stand_beside_theory(visit: Visit) -> None:
    page = visit("forward?picture=flower&t=1000")
    measured, theory = (
        [
            float(text.replace("−", "-"))
            for text in page.locator(f".moments tbody td:nth-of-type({column})").all_inner_texts()
        ]
        for column in (1, 2)
    )
    assert np.allclose(measured, theory, atol=0.02) and abs(theory[1] - 1) < 0.01


@ONE_SIZE
def test_a_patients_columns_drown_too(visit: Visit, settled: Callable[[], None], log: Any) -> None:
    page = visit("forward?picture=digits:3&t=0")
    page.get_by_role("radio", name="A patient").check()
    lines = page.locator("canvas.lines")
    expect(lines).to_have_attribute("aria-label", re.compile("albumin"))
    settled()
    clean, calls = lines.evaluate("canvas => canvas.toDataURL()"), len(log.calls())
    slide(page, 900)
    assert lines.evaluate("canvas => canvas.toDataURL()") != clean
    assert log.calls()[calls:] == []
    page.get_by_label("Patient", exact=True).select_option("7")
    expect(page.get_by_text("Patient 7,")).to_be_visible()
    expect(page).to_have_url(re.compile("patient=7"))


@ONE_SIZE
def test_the_call_that_is_shown_gives_the_numbers_that_are_shown(
    visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = visit("forward?picture=digits:3&t=137&seed=2&schedule=cosine,steps=500")
    page.get_by_role("button", name="Show the call").click()
    dialog = page.get_by_role("dialog")
    texts = {}
    for name in ("curl", "Command line", "Python"):
        dialog.get_by_role("tab", name=name).click()
        texts[name] = dialog.locator("pre").inner_text()
    shown = page.locator(".facts").inner_text()
    answer = subprocess.run(["bash", "-c", texts["curl"]], capture_output=True, text=True, timeout=120)
    reply = json.loads(answer.stdout)
    assert f"{reply['results']['t_137']['signal_to_noise_ratio']:.1f} dB" in shown
    monkeypatch.chdir(tmp_path)
    told = json.loads(CliRunner().invoke(app, [*shlex.split(texts["Command line"])[1:], "--json"]).stdout)
    assert told["results"]["t_137"] == reply["results"]["t_137"]
    assert (tmp_path / "forward.png").exists()
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(texts["Python"], {})
    assert f"137 {reply['results']['t_137']['alpha_cumprod']!r}" in printed.getvalue()
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)


@ONE_SIZE
def test_picture_and_numbers_can_be_saved(visit: Visit) -> None:
    page = visit("forward?picture=digits:3&t=300")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save this picture").click()
    assert download.value.suggested_filename == "digits-3-t300.png"
    saved = np.asarray(Image.open(download.value.path()).convert("RGB"))
    assert np.array_equal(saved, pixels(page))
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the numbers").click()
    numbers = json.loads(Path(download.value.path()).read_text())
    study = forward("digits:3", [0, 50, 100, 200, 300, 500, 700, 900, 999]).frames
    assert [row["t"] for row in numbers["steps"]] == [frame.t for frame in study]
    for row, frame in zip(numbers["steps"], study, strict=True):
        assert row["alpha_bar"] == frame.alpha_bar
        assert row["snr_db"] == pytest.approx(frame.snr_db, abs=1e-5)
