"""The schedules view: every curve's exact number under the pointer and from the keyboard, warnings, calls."""

from __future__ import annotations

import contextlib
import csv
import io
import re
import shlex
import warnings
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

Visit = Callable[..., Page]
ONE_SIZE = pytest.mark.parametrize("size", ["wide"], indirect=True)


def readings(page: Page) -> list[list[float]]:
    """beta, alpha_bar, log-SNR and posterior variance of each curve, as they stand in the table."""
    rows = page.locator(".exact tbody tr")
    return [[float(text) for text in row.locator("td").all_inner_texts()] for row in rows.all()]


def exact(schedule: NoiseSchedule, t: int) -> list[float]:
    tables = (schedule.beta, schedule.alpha_bar, schedule.log_snr, schedule.posterior_variance)
    return [float(table[t]) for table in tables]


@ONE_SIZE
def test_the_keyboard_reads_every_curve_to_the_last_digit(visit: Visit) -> None:
    page = visit("schedules?curves=linear;cosine;scaled_linear,steps=800&t=300")
    slider = page.get_by_role("slider", name="Step t")
    slider.focus()
    page.keyboard.press("ArrowRight")
    expect(slider).to_have_value("301")
    expect(page).to_have_url(re.compile("t=301"))
    with warnings.catch_warnings(action="ignore"):
        curves = [NoiseSchedule.linear(), NoiseSchedule.cosine(), NoiseSchedule.scaled_linear(800)]
    assert readings(page) == [exact(schedule, 301) for schedule in curves]


@ONE_SIZE
def test_the_pointer_reads_the_step_it_points_at(visit: Visit) -> None:
    page = visit("schedules?curves=linear;cosine&t=0")
    plot = page.locator(".panel .plot").nth(1)
    expect(page.locator(".panel .plot .series")).to_have_count(4)
    box = plot.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.55, box["y"] + box["height"] * 0.4)
    slider = page.get_by_role("slider", name="Step t")
    expect(slider).not_to_have_value("0")
    expect(page).to_have_url(re.compile(r"t=[3-6]\d\d"))  # written once the pointer has come to rest
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    t = int(slider.input_value())
    assert 350 < t < 650 and f"t={t}" in page.url
    assert readings(page) == [exact(NoiseSchedule.linear(), t), exact(NoiseSchedule.cosine(), t)]
    expect(plot.locator(".readout")).to_contain_text(repr(float(NoiseSchedule.cosine().alpha_bar[t])))


@ONE_SIZE
def test_a_chart_is_read_by_the_arrow_keys(visit: Visit) -> None:
    page = visit("schedules?curves=linear,steps=50&t=0")
    page.get_by_role("img", name="Chart of alpha_bar").focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("slider", name="Step t")).to_have_value("49")
    with warnings.catch_warnings(action="ignore"):
        value = float(NoiseSchedule.linear(50).alpha_bar[49])
    expect(page.locator(".panel .plot").nth(1).get_by_role("status")).to_have_text(f"49; linear, steps 50: {value!r}")


@ONE_SIZE
def test_a_chart_is_saved_with_its_curves(visit: Visit) -> None:
    page = visit("schedules?curves=linear")
    expect(page.locator(".panel .plot .series path")).to_have_count(4)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the picture").click()
    assert download.value.suggested_filename == "schedules-beta.png"
    saved = np.asarray(Image.open(download.value.path()).convert("RGB")).reshape(-1, 3)
    assert (np.abs(saved.astype(int) - [0x00, 0x72, 0xB2]).max(axis=1) < 8).sum() > 100  # the first curve's blue


@ONE_SIZE
def test_a_schedule_that_ends_in_signal_is_warned_of(visit: Visit) -> None:
    page = visit("schedules?curves=linear,steps=500,beta_max=0.01")
    expect(page.locator(".notice.warn")).to_contain_text("alpha_bar_T = 0.0794")
    page.locator(".curve summary").first.click()
    page.get_by_label("Zero terminal SNR").check()
    expect(page.locator(".notice.warn")).to_have_count(0)
    expect(page).to_have_url(re.compile("zero_terminal_snr=1"))


@ONE_SIZE
def test_curves_can_be_added_changed_and_removed_and_the_link_keeps_them(visit: Visit) -> None:
    page = visit("schedules?curves=linear")
    page.get_by_role("button", name="Add a schedule").click()
    card = page.locator(".curve").nth(1)
    card.get_by_label("Schedule").select_option("sigmoid")
    card.get_by_label("reach").fill("4")
    card.get_by_label("reach").blur()
    expect(page).to_have_url(re.compile("curves=linear;sigmoid,steps=500,reach=4"))
    expect(page.locator(".exact tbody tr")).to_have_count(2)
    again = visit(page.url.partition("#/")[2])
    expect(again.locator(".exact tbody tr").nth(1)).to_contain_text("sigmoid, steps 500, reach 4")
    again.locator(".curve summary").first.click()
    again.get_by_role("button", name="Remove").first.click()
    expect(again.locator(".exact tbody tr")).to_have_count(1)


@ONE_SIZE
def test_a_setting_out_of_range_is_said_to_be_so(visit: Visit, log: Any) -> None:
    log.allow.append("422")
    page = visit("schedules?curves=linear")
    page.locator(".curve summary").first.click()
    page.get_by_label("beta_min").fill("7")
    page.get_by_label("beta_min").blur()
    expect(page.get_by_text("Give a number from")).to_be_visible()
    page.get_by_label("beta_min").fill("0.5")  # a number, but above beta_max: the server knows
    page.get_by_label("beta_min").blur()
    expect(page.get_by_role("alert").filter(has_text="beta_max")).to_be_visible()


@ONE_SIZE
def test_the_lines_that_are_shown_make_the_same_curve(visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = visit("schedules?curves=cosine,steps=300,offset=0.01&t=120")
    page.get_by_role("button", name="Show the call").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("tab", name="Python").click()
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(dialog.locator("pre").inner_text(), {})
    assert [float(word) for word in printed.getvalue().split()] == readings(page)[0]
    dialog.get_by_role("tab", name="Command line").click()
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(app, shlex.split(dialog.locator("pre").inner_text())[1:]).exit_code == 0
    assert (tmp_path / "cosine.png").exists()


@ONE_SIZE
def test_all_numbers_can_be_saved(visit: Visit) -> None:
    page = visit("schedules?curves=linear,steps=50")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save all numbers").click()
    with Path(download.value.path()).open(newline="") as file:
        rows = list(csv.DictReader(file))
    with warnings.catch_warnings(action="ignore"):
        schedule = NoiseSchedule.linear(50)
    assert [float(row["alpha_bar"]) for row in rows] == schedule.alpha_bar.tolist()
