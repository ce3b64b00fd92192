"""Runs and their reports on the page: found, compared, renamed, deleted when nothing uses them, taken away and judged."""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from reverie.images import read_images

Visit = Callable[..., Page]
Answer = Callable[..., None]
ONE_SIZE = pytest.mark.parametrize("size", ["wide"], indirect=True)
POST = """async ([path, body]) => (await (await fetch(path, {
    method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(body)})).json())"""


@pytest.fixture(scope="session")
def few(workspace: Path, trained: Callable[..., str]) -> str:
    """A run on forty pictures of the workspace, which is judged in a moment."""
    np.save(workspace / "forty.npy", read_images("digits").pixels[:40])
    return trained(workspace / "forty.npy", "few", 3, **{"training.batch": 8, "training.holdout": 0.25})


@pytest.fixture
def copy(workspace: Path, digits: str) -> str:
    """A run that a test may take away."""
    shutil.copytree(workspace / digits, workspace / "runs" / "copy", dirs_exist_ok=True)
    return "runs/copy"


@ONE_SIZE
def test_runs_are_found_by_their_words_and_set_side_by_side(visit: Visit, digits: str, few: str) -> None:
    page = visit("runs")
    rows = page.locator(".runs tbody tr")
    expect(rows.filter(has_text=few)).to_contain_text("trained")
    page.get_by_label("Name, data or verdict").fill("forty")
    expect(rows).to_have_count(1)
    expect(page).to_have_url(re.compile("q=forty"))
    page.get_by_label("Name, data or verdict").fill("")
    page.get_by_label("Of what").select_option("images")
    for name in (digits, few):
        page.get_by_label(f"Choose {name}", exact=True).check()
    page.get_by_role("link", name="Compare 2").click()
    expect(page.get_by_role("heading", name="2 runs side by side")).to_be_visible()
    page.wait_for_function("() => document.querySelector('.plot')?.data?.length === 2")  # it is drawn after the heading
    names = page.locator(".plot").evaluate("plot => plot.data.map((curve) => curve.name)")
    assert names == [digits, few]
    differ = page.get_by_role("region", name="Settings").first
    expect(differ.get_by_role("row", name=re.compile("^source.name"))).to_contain_text("forty.npy")
    expect(differ.get_by_role("row", name=re.compile("^training.batch"))).to_contain_text("16")
    expect(differ.get_by_role("row", name=re.compile("^network.width"))).to_have_count(0)  # it is the same in both


@ONE_SIZE
def test_a_run_is_renamed_and_deleted_but_not_while_it_is_used(visit: Visit, copy: str, workspace: Path, log: Any) -> None:
    log.allow.append("409")
    page = visit(f"runs?run={copy}")
    page.get_by_role("button", name="Rename").click()
    page.get_by_label("New name").fill("runs/named anew")
    page.get_by_role("button", name="Give it this name").click()
    expect(page.get_by_role("heading", name="runs/named anew")).to_be_visible()
    assert (workspace / "runs/named anew/model.safetensors").is_file() and not (workspace / copy).exists()
    long = {
        "source": "digits",
        "out": "runs/named anew",
        "steps": 100_000,
        "overwrite": True,
        "settings": {"network.width": 8},
    }
    page.get_by_role("button", name="Delete").click()
    job = page.evaluate(POST, ["/api/trainings", long])
    page.get_by_role("button", name="Delete it").click()
    expect(page.get_by_role("alert").last).to_contain_text(f"in use by job {job['id']}")
    page.get_by_role("button", name="Keep it").click()
    expect(page.get_by_text(re.compile("Training: .*"))).to_be_visible()
    expect(page.get_by_role("button", name="Delete")).to_be_disabled()
    page.evaluate(POST, [f"/api/jobs/{job['id']}/cancel", {}])
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete it").click()
    expect(page.get_by_label("Name, data or verdict")).to_be_visible()
    assert not (workspace / "runs/named anew").exists()


@ONE_SIZE
def test_a_run_is_taken_away_as_one_file(visit: Visit, digits: str) -> None:
    page = visit(f"runs?run={digits}")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download").click()
    assert waiting.value.suggested_filename == "digits.zip"
    names = zipfile.ZipFile(waiting.value.path()).namelist()
    assert {"digits/config.yaml", "digits/model.safetensors"} <= {*names}
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save it as a page").click()
    assert waiting.value.suggested_filename == "digits.html"
    assert "<title>digits</title>" in Path(waiting.value.path()).read_text()


@ONE_SIZE
def test_a_report_is_made_in_one_press_and_read_in_its_frame(visit: Visit, few: str, workspace: Path) -> None:
    page = visit(f"reports?make={few}")
    page.get_by_role("button", name="Make the report").click()
    frame = page.frame_locator(".report-page")
    expect(frame.get_by_role("heading", level=1)).to_have_text("Report on synthetic pictures: forty.npy")
    assert (workspace / few / "report.html").is_file()
    assert page.frames[1].evaluate("origin") == "null"  # it can reach nothing here
    frame.get_by_role("button", name="light or dark").click()
    assert page.frames[1].evaluate("document.documentElement.dataset.theme") == "dark"  # its own script runs
    with page.expect_popup() as alone:
        page.get_by_role("link", name="Open by itself").click()
    expect(alone.value.get_by_role("heading", level=1)).to_be_visible()
    assert alone.value.evaluate("origin") == "null"
    alone.value.close()
    realism = page.locator(".brief > div", has_text="Realism")
    expect(realism).to_be_visible()
    said = realism.locator("dd").inner_text()
    page = visit(f"runs?run={few}")
    expect(page.locator(".brief > div", has_text="Realism")).to_contain_text(said)
    page.get_by_role("link", name="Read the report").click()
    expect(page.frame_locator(".report-page").get_by_role("heading", level=1)).to_be_visible()


@pytest.mark.parametrize("size", ["narrow"], indirect=True)
def test_runs_and_reports_are_at_hand_on_a_telephone(visit: Visit, answer: Answer, digits: str, log: Any) -> None:
    log.allow.append("404")
    page = visit("runs")
    expect(page.locator(".runs tbody tr").filter(has_text=digits)).to_be_visible()
    page = visit("reports?make=runs/none")
    expect(page.get_by_role("button", name="Make the report")).to_be_enabled()
    answer(f"**/api/models/{digits}", lambda route: route.fulfill(json={"config": {"source": {"stream": True}}}))
    page = visit(f"reports?make={digits}")
    expect(page.locator(".state code")).to_have_text(f"reverie report {digits}")
    expect(page.get_by_role("button", name="Make the report")).to_be_disabled()
    page = visit("reports?report=runs/none", idle=False)
    expect(page.get_by_text("There is no report runs/none here")).to_be_visible()
