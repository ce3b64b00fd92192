"""The records view, as a person goes through it: describe a table, train, generate with conditions, complete a record."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from reverie.errors import DataError
from reverie.process.registry import learned
from reverie.records import read_table
from reverie.samplers.posterior.registry import LEARNED, METHODS

Visit = Callable[..., Page]
Drop = Callable[[str, str], None]
Text = Callable[..., str]
ONE_SIZE = pytest.mark.parametrize("size", ["wide"], indirect=True)


def state(page: Page, wanted: str) -> None:
    """Waits until the job posted last is in this state at the server."""
    page.wait_for_function(
        "async (wanted) => (await (await fetch('/api/jobs')).json()).jobs[0]?.state === wanted", arg=wanted
    )


# --- describe ---------------------------------------------------------------------------------------------------------


@ONE_SIZE
def test_the_bundled_table_is_described_as_the_library_does(visit: Visit) -> None:
    page = visit("records")
    expected = read_table("pbc2")
    rows = page.locator(".schema tbody tr")
    expect(rows).to_have_count(len(expected.schema.columns))
    for row, column in zip(rows.all(), expected.schema.columns, strict=True):
        cells = row.locator("td").all_inner_texts()
        assert (*cells[:3], cells[6]) == (column.name, column.role, column.kind, column.why)
    expect(page.locator(".facts")).to_contain_text("312")
    for note in expected.notes:
        expect(page.get_by_text(note)).to_be_visible()


@ONE_SIZE
def test_a_dropped_table_is_kept_and_described(visit: Visit, drop: Drop, visits: Text, workspace: Path, size: str) -> None:
    page = visit("records")
    name = f"dropped-{size}.csv"
    drop(name, visits(5))
    expect(page.locator(".schema tbody tr")).to_have_count(6)
    expect(page.locator(".schema tbody tr").nth(4)).to_contain_text("marker")
    assert (workspace / name).read_text() == visits(5)
    expect(page).to_have_url(re.compile(f"table={name}"))
    page.reload()
    expect(page.locator(".schema tbody tr")).to_have_count(6)


@ONE_SIZE
def test_a_fault_is_named_with_row_and_column(visit: Visit, drop: Drop, tmp_path: Path, log: Any, size: str) -> None:
    log.allow.append("422")
    text = "patient,month,marker\n1,0,3.1\n1,3,2.9\n2,0,high\n2,3,4.4\n3,0,2.2\n3,3,2.0\n1,3,9.9\n"
    file = tmp_path / f"faulty-{size}.csv"
    file.write_text(text)
    with pytest.raises(DataError) as sentence:
        read_table(file)
    page = visit("records")
    drop(file.name, text)
    fault = str(sentence.value).partition("`")[0]  # behind it stands a field, which the page calls by its label
    expect(page.get_by_role("alert")).to_contain_text(fault.replace(str(file), file.name))


@ONE_SIZE
def test_a_file_of_the_same_name_is_replaced_only_when_asked(
    visit: Visit, drop: Drop, visits: Text, workspace: Path, log: Any
) -> None:
    log.allow.append("409")
    (workspace / "twice.csv").write_text(visits(4))
    page = visit("records")
    drop("twice.csv", visits(6))
    expect(page.get_by_text("has a file twice.csv already")).to_be_visible()
    assert (workspace / "twice.csv").read_text() == visits(4)
    page.get_by_role("button", name="Replace it").click()
    expect(page.locator(".facts div").first).to_have_text("patients6")
    assert (workspace / "twice.csv").read_text() == visits(6)


@ONE_SIZE
def test_what_is_no_table_is_refused_before_it_is_sent(visit: Visit, drop: Drop, log: Any) -> None:
    page = visit("records")
    drop("notes.docx", "hello")
    expect(page.get_by_role("alert")).to_contain_text("notes.docx is no .csv")
    assert not any(request.method == "PUT" for request in log.requests)


@ONE_SIZE
def test_the_four_steps_are_tabs(visit: Visit, table: str) -> None:
    page = visit(f"records?table={table}")
    page.get_by_role("tab", name="Describe").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Train")).to_be_focused()
    expect(page.get_by_label("Name of the run")).to_have_value("runs/visits")  # the table goes along
    expect(page).to_have_url(re.compile("step=train"))
    page.reload()
    expect(page.get_by_role("tab", name="Train")).to_have_attribute("aria-selected", "true")


# --- train ------------------------------------------------------------------------------------------------------------


@ONE_SIZE
def test_a_few_steps_are_trained_with_the_losses_as_they_come(visit: Visit, table: str, workspace: Path, size: str) -> None:
    page = visit(f"records?step=train&table={table}&count=12&set=network.width=8,batch=16,log_every=1")
    name = page.get_by_label("Name of the run")
    name.fill(f"runs/pressed-{size}")
    name.press("Tab")
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.get_by_text(f"runs/pressed-{size} is trained")).to_be_visible()
    assert (workspace / "runs" / f"pressed-{size}" / "model.safetensors").is_file()
    expect(page.get_by_text("Step 12: loss")).to_be_visible()
    traces = page.locator(".plot").evaluate("plot => plot.data.map((trace) => [trace.name, trace.x.length])")
    assert dict(traces)["batches"] == 12 and dict(traces)["set aside"] >= 1
    page.get_by_role("button", name="Make new patients").click()
    expect(page.get_by_label("Model", exact=True)).to_have_value(f"runs/pressed-{size}")


@ONE_SIZE
def test_a_reload_goes_on_with_the_training_and_a_stop_ends_it(visit: Visit, table: str) -> None:
    page = visit(f"records?step=train&table={table}&count=100000&out=runs/long&set=network.width=8,batch=16,log_every=1")
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.locator(".plot .legend")).to_be_visible()
    expect(page).to_have_url(re.compile("job="))
    page.reload()
    expect(page.locator(".plot .legend")).to_be_visible()
    expect(page.get_by_text(re.compile(r"of 100,000"))).to_be_visible()
    assert min(page.locator(".plot").evaluate("plot => plot.data[0].x")) == 1  # what was told before the reload is there
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped.")).to_be_visible()
    state(page, "cancelled")
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_enabled()


@ONE_SIZE
def test_leaving_the_view_does_not_end_a_training(visit: Visit, table: str) -> None:
    page = visit(f"records?step=train&table={table}&count=100000&out=runs/left&set=network.width=8,batch=16,log_every=1")
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.get_by_text(re.compile(r"of 100,000"))).to_be_visible()
    page.get_by_role("tab", name="Describe").click()
    expect(page.locator(".schema")).to_be_visible()
    page.get_by_role("tab", name="Train").click()
    expect(page.get_by_text(re.compile(r"of 100,000"))).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped.")).to_be_visible()


@ONE_SIZE
def test_a_name_that_is_taken_is_said(visit: Visit, table: str, model: str, log: Any) -> None:
    log.allow.append("409")
    page = visit(f"records?step=train&table={table}&count=5&out={model}")
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("is there already")


# --- generate ---------------------------------------------------------------------------------------------------------


@ONE_SIZE
def test_new_patients_meet_the_condition(visit: Visit, model: str) -> None:
    page = visit(f"records?step=generate&model={model}&patients=20")
    page.get_by_role("button", name="Add a condition").click()
    page.get_by_label("Column").select_option("sex")
    page.get_by_label("Value").select_option("male")
    page.get_by_role("button", name="Generate", exact=True).click()
    expect(page.get_by_role("heading", name="Real beside synthetic")).to_be_visible()
    sexes = page.locator(".preview tbody tr td:nth-child(3)").all_inner_texts()
    assert sexes and set(sexes) == {"male"}
    expect(page.locator(".plot .legend")).to_be_visible()
    assert page.locator(".plot").evaluate("plot => plot.data.map((trace) => trace.name)") == ["real", "synthetic"]
    with page.expect_download() as download:
        page.get_by_role("button", name="Save patients.csv").click()
    rows = list(csv.DictReader(Path(download.value.path()).read_text().splitlines()))
    assert len({row["patient"] for row in rows}) == 20 and {row["sex"] for row in rows} == {"male"}
    expect(page).to_have_url(re.compile("where=sex=male"))
    page.reload()
    expect(page.locator(".preview tbody tr").first).to_be_visible()
    assert page.locator(".preview tbody tr td:nth-child(3)").all_inner_texts() == sexes


@ONE_SIZE
def test_a_condition_that_cannot_be_met_is_said(visit: Visit, model: str, log: Any) -> None:
    log.allow.append("422")
    page = visit(f"records?step=generate&model={model}&patients=20&where=age>much")
    page.get_by_role("button", name="Generate", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("age is a whole number")


@ONE_SIZE
def test_pictures_are_trained_on_a_path_with_what_a_table_tells_of_them(visit: Visit, workspace: Path) -> None:
    np.save(workspace / "photos.npy", np.zeros((2, 8, 8, 3), np.uint8))
    (workspace / "told.csv").write_text("colour\nred\nblue\n")
    page = visit("records?step=train&table=photos.npy&count=5")
    page.get_by_label("Table that tells their attributes").select_option("told.csv")
    page.get_by_text("More", exact=True).click()
    offered = page.get_by_label("Noise levels").locator("option").all_inner_texts()
    assert offered[1:] == list(learned())
    page.get_by_label("Noise levels").select_option("edm")
    page.get_by_role("button", name="Show the call").click()
    page.get_by_role("tab", name="Command line").click()
    asked = "reverie train photos.npy --out runs/photos --steps 5 --seed 0 --schedule edm --conditions told.csv"
    expect(page.locator("dialog pre")).to_have_text(asked)


# --- complete ---------------------------------------------------------------------------------------------------------


@ONE_SIZE
def test_holes_are_filled_with_bands_and_what_was_given_stays(visit: Visit, model: str, table: str, visits: Text) -> None:
    page = visit(f"records?step=complete&model={model}&table={table}&patient=3&draws=12")
    assert page.get_by_label("Method").locator("option").all_text_contents() == ["the run's own", LEARNED, *METHODS]
    given = [row for row in csv.DictReader(io.StringIO(visits())) if row["patient"] == "3"]
    expect(page.locator(".sheet tbody tr")).to_have_count(len(given))
    cell = page.get_by_label("marker, visit 1")
    expect(cell).to_have_value(given[0]["marker"])
    cell.fill("")
    cell.press("Tab")
    page.get_by_role("button", name="Complete", exact=True).click()
    expect(page.get_by_role("heading", name="marker")).to_be_visible()
    expect(page.get_by_text("50 % of the draws")).to_be_visible()
    expect(page.locator(".plot .xtitle").first).to_be_visible()
    names = page.locator(".plot").first.evaluate("plot => plot.data.map((trace) => trace.name)")
    assert {"80 % of the draws", "50 %", "filled, median", "given", "hidden truth"} <= set(names)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save completed.csv").click()
    rows = list(csv.DictReader(Path(download.value.path()).read_text().splitlines()))
    assert len(rows) == 12 * len(given)
    for number, row in enumerate(rows):
        known = dict(given[number % len(given)])
        assert row["marker"] != ""
        if number % len(given) and known["marker"]:
            assert float(row["marker"]) == float(known["marker"])
    expect(page).to_have_url(re.compile("cells=0.4:"))
    page.reload()
    expect(page.get_by_label("marker, visit 1")).to_have_value("")
    expect(page.get_by_role("heading", name="marker")).to_be_visible()


@ONE_SIZE
def test_a_record_goes_on_by_as_many_visits_as_asked(visit: Visit, model: str, table: str) -> None:
    page = visit(f"records?step=complete&model={model}&table={table}&patient=5&draws=10&forecast=2&run=1")
    expect(page.get_by_role("heading", name="marker")).to_be_visible()
    expect(page.locator(".plot .xtitle").first).to_be_visible()
    plot = page.locator(".plot").first
    filled = plot.evaluate("plot => plot.data.find((trace) => trace.name === 'filled, median').x")
    given = plot.evaluate("plot => plot.data.find((trace) => trace.name === 'given').x")
    assert len(filled) == 2 and min(filled) > max(given)


@ONE_SIZE
def test_some_values_are_hidden_and_come_back(visit: Visit, model: str, table: str) -> None:
    page = visit(f"records?step=complete&model={model}&table={table}&patient=3")
    before = page.locator(".sheet input").evaluate_all("cells => cells.map((cell) => cell.value)")
    page.get_by_role("button", name="Hide some values").click()
    expect(page.locator(".sheet .was").first).to_be_visible()
    assert page.locator(".sheet input").evaluate_all("cells => cells.map((cell) => cell.value)") != before
    page.get_by_role("button", name="As it was").click()
    assert page.locator(".sheet input").evaluate_all("cells => cells.map((cell) => cell.value)") == before


@ONE_SIZE
def test_pasted_rows_are_a_table_like_any_other(visit: Visit, model: str) -> None:
    page = visit(f"records?step=complete&model={model}")
    page.get_by_text("Paste rows").click()
    page.get_by_label("Rows as CSV").fill("patient,month,sex,age,marker,stage\n77,0,male,50,5.1,low\n77,3,male,50,,mid\n")
    page.get_by_role("button", name="Use these rows").click()
    expect(page.get_by_role("heading", name="Patient 77, 2 visits")).to_be_visible()
    expect(page.get_by_text("1 hole", exact=True)).to_be_visible()
